using ModelCompiler.Compiler.Diagnostics;

namespace ModelCompiler.Compiler.Passes;

/// <summary>A spec that is valid and that a pass cannot do all the same: an error of the user's, with its diagnostic.</summary>
public sealed class PassException(Diagnostic diagnostic) : Exception(diagnostic.Message)
{
    public Diagnostic Diagnostic { get; } = diagnostic;
}
