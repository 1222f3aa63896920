namespace ModelCompiler.Compiler.Diagnostics;

public static partial class DiagnosticCatalog
{
    public static readonly DiagnosticInfo InternalFailure = Error(
        "MC4999", "Compiler failure", "A fault of the compiler itself, which should be reported.");
}
