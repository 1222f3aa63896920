namespace ModelCompiler.Compiler.Frontends;

/// <summary>The end of a message about an unknown name.</summary>
public static class Suggestion
{
    // Longer names are no misspelling, and the distance costs the product of the lengths.
    private const int LongestName = 64;

    /// <summary>"did you mean 'x'?" for the nearest name if one is near, else all of them.</summary>
    /// <param name="name">What was written.</param>
    /// <param name="names">What could have been.</param>
    /// <param name="what">What the names are, in the plural.</param>
    public static string For(string name, IReadOnlyCollection<string> names, string what) =>
        Nearest(name, names) is { } nearest
            ? $"did you mean '{nearest}'?"
            : $"the {what} are {string.Join(", ", names)}";

    /// <summary>
    /// The nearest name within a third of its length, at least one edit; else one that is a word of what was written,
    /// as norm of layer-norm; else null.
    /// </summary>
    public static string? Nearest(string name, IEnumerable<string> names)
    {
        if (name.Length > LongestName) return null;
        var written = name.ToLowerInvariant().Replace('_', '-');
        return names
            .Select(candidate => (Name: candidate, Distance: Distance(written, candidate)))
            .Where(candidate => candidate.Distance <= Math.Max(1, candidate.Name.Length / 3))
            .OrderBy(candidate => candidate.Distance)
            .Select(candidate => candidate.Name)
            .FirstOrDefault()
            ?? names.FirstOrDefault(written.Split('-').Contains);
    }

    /// <summary>Optimal string alignment distance: insertions, deletions, substitutions, swaps of neighbours.</summary>
    public static int Distance(string a, string b)
    {
        var d = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++) d[i, 0] = i;
        for (var j = 0; j <= b.Length; j++) d[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        for (var j = 1; j <= b.Length; j++)
        {
            var cost = a[i - 1] == b[j - 1] ? 0 : 1;
            d[i, j] = Math.Min(Math.Min(d[i - 1, j] + 1, d[i, j - 1] + 1), d[i - 1, j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
        }

        return d[a.Length, b.Length];
    }
}
