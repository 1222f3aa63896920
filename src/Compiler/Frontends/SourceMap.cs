using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends;

public sealed record SourceMapEntry(string SpecPath, SourceSpan Span);

/// <summary>Where each place of a spec stands in its file. Joined with a spec only to show something.</summary>
public sealed record SourceMap
{
    public SourceMap(string path, IEnumerable<SourceMapEntry> entries)
    {
        Path = path;
        Entries = entries.OrderBy(entry => entry.SpecPath, StringComparer.Ordinal).ToEquatableArray();
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Ordered by spec path.</summary>
    public EquatableArray<SourceMapEntry> Entries { get; }

    /// <summary>The span of a spec path, or of the nearest place around it: that of the whole model at last.</summary>
    public SourceSpan Find(string specPath)
    {
        for (var path = specPath; path is not null; path = SpecPath.Parent(path))
            if (IndexOf(path) is var index and >= 0)
                return Entries[index].Span;
        return default;
    }

    public LocatedDiagnostic Locate(Diagnostic diagnostic) =>
        new(diagnostic.Id, diagnostic.Severity, Path, Find(diagnostic.SpecPath), diagnostic.Message);

    private int IndexOf(string specPath)
    {
        int low = 0, high = Entries.Count - 1;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var order = string.CompareOrdinal(Entries[middle].SpecPath, specPath);
            if (order == 0) return middle;
            if (order < 0) low = middle + 1;
            else high = middle - 1;
        }

        return -1;
    }
}
