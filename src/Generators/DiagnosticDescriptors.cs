using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;
using ModelCompiler.Compiler.Diagnostics;
using Severity = ModelCompiler.Compiler.Diagnostics.DiagnosticSeverity;

namespace ModelCompiler.Generators;

/// <summary>The compiler's diagnostics as Roslyn shows them, one descriptor for each entry of the catalog.</summary>
public static class DiagnosticDescriptors
{
    private const string Category = "ModelCompiler";

    private static readonly Dictionary<string, DiagnosticDescriptor> ById =
        DiagnosticCatalog.All.ToDictionary(info => info.Id, Describe, StringComparer.Ordinal);

    internal static DiagnosticDescriptor Of(DiagnosticInfo info) => ById[info.Id];

    /// <summary>The diagnostic at its place in a model file or a C# file.</summary>
    internal static Microsoft.CodeAnalysis.Diagnostic Create(LocatedDiagnostic diagnostic)
    {
        var span = diagnostic.Span;
        var location = Location.Create(
            diagnostic.Path,
            default,
            new LinePositionSpan(new(span.StartLine, span.StartColumn), new(span.EndLine, span.EndColumn)));
        return Microsoft.CodeAnalysis.Diagnostic.Create(ById[diagnostic.Id], location, diagnostic.Message);
    }

    // The ids and severities are in AnalyzerReleases.*.md; a test compares them with the catalog.
    private static DiagnosticDescriptor Describe(DiagnosticInfo info) => new(
        info.Id,
        info.Title,
        "{0}",
        Category,
        info.Severity switch
        {
            Severity.Error => Microsoft.CodeAnalysis.DiagnosticSeverity.Error,
            Severity.Warning => Microsoft.CodeAnalysis.DiagnosticSeverity.Warning,
            _ => Microsoft.CodeAnalysis.DiagnosticSeverity.Info,
        },
        isEnabledByDefault: true,
        info.Description);
}
