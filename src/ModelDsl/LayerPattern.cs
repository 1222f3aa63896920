namespace ModelCompiler.ModelDsl;

/// <summary>
/// A pattern of layer names: segments joined by dots, each a name or with <c>*</c> for any characters, as <c>blocks.*.mlp</c>.
/// It speaks of the layers that it matches and of all that is under them; a closing <c>.*</c> changes nothing.
/// </summary>
public sealed class LayerPattern
{
    private readonly string[] _segments;

    public LayerPattern(string pattern)
    {
        while (pattern.EndsWith(".*", StringComparison.Ordinal)) pattern = pattern.Substring(0, pattern.Length - 2);
        _segments = pattern.Split('.');
    }

    /// <summary>Where a name has an index, as the layers of a repeated block do, it is written <c>*</c>.</summary>
    public bool Matches(string name)
    {
        var segments = name.Split('.');
        return _segments.Length <= segments.Length && !_segments.Where((segment, i) => !Matches(segment, segments[i])).Any();
    }

    /// <summary>
    /// What the pattern says of what is within a layer: <c>mlp</c> for <c>blocks.*.mlp</c> and the layer <c>blocks.3</c>, nothing for all
    /// of it; null where it does not speak of the layer.
    /// </summary>
    public string? Under(string layer)
    {
        var segments = layer.Split('.');
        return segments.Zip(_segments, (name, pattern) => Matches(pattern, name)).All(matches => matches) ? string.Join(".", _segments.Skip(segments.Length)) : null;
    }

    /// <summary>The pattern with <c>*</c> for each number: what it would be if it did not single out a layer.</summary>
    public string WithoutIndices() => string.Join(".", _segments.Select(s => s.Length > 0 && s.All(char.IsDigit) ? "*" : s));

    private static bool Matches(string segment, string name)
    {
        var parts = segment.Split('*');
        if (parts.Length == 1) return segment == name;
        if (!name.StartsWith(parts[0], StringComparison.Ordinal)) return false;
        var at = parts[0].Length;
        foreach (var part in parts.Skip(1).Take(parts.Length - 2))
        {
            var found = name.IndexOf(part, at, StringComparison.Ordinal);
            if (found < 0) return false;
            at = found + part.Length;
        }
        var last = parts[parts.Length - 1];
        return name.Length - at >= last.Length && name.EndsWith(last, StringComparison.Ordinal);
    }
}
