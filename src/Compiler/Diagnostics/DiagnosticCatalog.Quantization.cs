namespace ModelCompiler.Compiler.Diagnostics;

public static partial class DiagnosticCatalog
{
    public static readonly DiagnosticInfo QuantizationGroup = Error(
        "MC2130", "Group of quantized weights", "The weights that share a scale are 16, 32, 64, 128 or 256.");

    public static readonly DiagnosticInfo QuantizationLayer = Error(
        "MC2131", "Unknown layer in quantization", "A pattern of layers matches none of the model's linear layers.");
}
