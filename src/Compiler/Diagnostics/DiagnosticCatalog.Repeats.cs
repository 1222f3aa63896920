namespace ModelCompiler.Compiler.Diagnostics;

public static partial class DiagnosticCatalog
{
    public static readonly DiagnosticInfo ShareGroups = Error(
        "MC2110", "Groups that do not divide the layers", "Sets of shared parameters belong to equally many layers each.");
}
