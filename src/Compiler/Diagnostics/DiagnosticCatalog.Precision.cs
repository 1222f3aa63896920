namespace ModelCompiler.Compiler.Diagnostics;

public static partial class DiagnosticCatalog
{
    public static readonly DiagnosticInfo PrecisionLayer = Error(
        "MC2045", "Unknown layer in precision", "A pattern of layers matches none of the model's.");

    public static readonly DiagnosticInfo PrecisionOfOneLayer = Error(
        "MC2046", "Precision of one layer of a block", "The layers of this block have one precision.");

    public static readonly DiagnosticInfo Tf32OnCpu = Warning(
        "MC2047", "TF32 without a GPU", "TF32 is a mode of NVIDIA's tensor cores.");

    public static readonly DiagnosticInfo Fp8OnCpu = Error(
        "MC2048", "fp8 without a GPU", "Products of 8-bit floating-point numbers need tensor cores.");

    public static readonly DiagnosticInfo Fp8Shape = Error(
        "MC2049", "Shape of an fp8 product", "The rows and widths of fp8 products are multiples of 16.");
}
