namespace ModelCompiler.Compiler.Diagnostics;

public static partial class DiagnosticCatalog
{
    public static readonly DiagnosticInfo QuantizationGroup = Error(
        "MC2130", "Group of quantized weights", "The weights that share a scale are 16, 32, 64, 128 or 256.");

    public static readonly DiagnosticInfo QuantizationRow = Error(
        "MC2240", "Group longer than a row", "The weights that share a scale are no more than a row of a layer has.");

    public static readonly DiagnosticInfo QuantizationLayer = Error(
        "MC2131", "Unknown layer in quantization", "A pattern of layers matches none of the model's linear layers.");

    public static readonly DiagnosticInfo QuantizationTraining = Error(
        "MC2132", "Quantization-aware training beside another directive", "Another directive keeps training from rounding the weights as the export does.");

    public static readonly DiagnosticInfo StandardQuantization = Error(
        "MC2139", "Quantization in standard operators", "An export in operators of the ONNX standard alone keeps its weights in fp32.");

    public static readonly DiagnosticInfo QuantizedCache = Error(
        "MC2180", "Cache of 8 bits", "Only the attention of a model that generates has a cache of keys and values in 8 bits.");

    public static readonly DiagnosticInfo FewBitsOfManyTokens = Warning(
        "MC2200", "Weights of few bits for many tokens", "Products with weights of 4 or 2 bits are the fast ones for few tokens at a time only.");

    public static readonly DiagnosticInfo QuantizationMethod = Error(
        "MC2133", "Method of quantization", "The method does nothing for these weights.");
}
