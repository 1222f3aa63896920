using ModelCompiler.Compiler.Frontends;

namespace ModelCompiler.Compiler.Diagnostics;

/// <summary>A kind of finding. Its page is docs/diagnostics/{Id}.md.</summary>
/// <param name="Id">MCnnnn.</param>
/// <param name="Severity">The severity of each finding of this kind.</param>
/// <param name="Title">Some words.</param>
/// <param name="Description">One line.</param>
public sealed record DiagnosticInfo(string Id, DiagnosticSeverity Severity, string Title, string Description)
{
    /// <summary>A finding of this kind at a place of the spec.</summary>
    public Diagnostic At(string specPath, string message) => new(Id, Severity, specPath, message);

    /// <summary>A finding of this kind at a place of a file.</summary>
    public LocatedDiagnostic At(string path, SourceSpan span, string message) => new(Id, Severity, path, span, message);
}
