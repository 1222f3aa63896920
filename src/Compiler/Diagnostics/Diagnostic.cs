namespace ModelCompiler.Compiler.Diagnostics;

public enum DiagnosticSeverity
{
    Info,
    Warning,
    Error,
}

/// <summary>
/// A finding about a model, without a position: <see cref="Frontends.SourceMap.Locate"/> joins it when it is shown.
/// </summary>
/// <param name="Id">MCnnnn, one of <see cref="DiagnosticCatalog"/>.</param>
/// <param name="Severity">Errors stop the compilation.</param>
/// <param name="SpecPath">The place in the spec, e.g. <c>architecture.blocks[1].layers[0]</c>; empty for the whole model.</param>
/// <param name="Message">What is wrong; ends with its suggestion.</param>
public sealed record Diagnostic(string Id, DiagnosticSeverity Severity, string SpecPath, string Message);
