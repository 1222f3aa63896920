namespace ModelCompiler.Compiler.Diagnostics;

public static partial class DiagnosticCatalog
{
    public static readonly DiagnosticInfo Limit = Error(
        "MC3010", "Limit exceeded", "The model costs more than its limits allow.");
}
