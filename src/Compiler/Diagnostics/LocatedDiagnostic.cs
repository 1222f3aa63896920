using ModelCompiler.Compiler.Frontends;

namespace ModelCompiler.Compiler.Diagnostics;

/// <summary>A finding with its place in a file.</summary>
/// <param name="Id">MCnnnn, one of <see cref="DiagnosticCatalog"/>.</param>
/// <param name="Severity">Errors stop the compilation.</param>
/// <param name="Path">The file.</param>
/// <param name="Span">Zero-based place in the file.</param>
/// <param name="Message">What is wrong; ends with its suggestion.</param>
public sealed record LocatedDiagnostic(string Id, DiagnosticSeverity Severity, string Path, SourceSpan Span, string Message)
{
    /// <summary>As MSBuild and editors expect it, one-based: <c>tiny.model.yaml(3,5): error MC1006: ...</c>.</summary>
    public override string ToString() =>
        FormattableString.Invariant(
            $"{Path}({Span.StartLine + 1},{Span.StartColumn + 1}): {Severity.ToString().ToLowerInvariant()} {Id}: {Message}");
}
