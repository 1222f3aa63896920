namespace ModelCompiler.Compiler.Diagnostics;

public static partial class DiagnosticCatalog
{
    public static readonly DiagnosticInfo GlobalWithoutWindow = Error(
        "MC2060", "global-every without window", "Blocks that see everything differ only from blocks with a window.");

    public static readonly DiagnosticInfo GlobalBeyondLayers = Error(
        "MC2061", "global-every beyond the layers", "A group of local blocks and a global one must fit the model.");
}
