using ModelCompiler.Compiler.Diagnostics;

namespace ModelCompiler.Compiler.Frontends;

/// <summary>What a binding finds besides the spec: diagnostics and places.</summary>
internal sealed class BindingReport(string path)
{
    // A text that is something else altogether would fill the build log.
    private const int MaxDiagnostics = 50;

    private readonly List<LocatedDiagnostic> _diagnostics = [];
    private readonly Dictionary<string, SourceSpan> _places = [];

    public IReadOnlyList<LocatedDiagnostic> Diagnostics => _diagnostics;

    public bool HasErrors { get; private set; }

    /// <summary>There is no spec, and enough is said: further findings are not looked for.</summary>
    public bool IsFull => HasErrors && _diagnostics.Count >= MaxDiagnostics;

    public void Add(DiagnosticInfo info, SourceSpan span, string message)
    {
        if (IsFull) return;
        HasErrors |= info.Severity == DiagnosticSeverity.Error;
        _diagnostics.Add(info.At(path, span, message));
    }

    public void Place(string specPath, SourceSpan span) => _places[specPath] = span;

    public SourceMap ToSourceMap() => new(path, _places.Select(place => new SourceMapEntry(place.Key, place.Value)));
}
