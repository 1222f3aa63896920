namespace ModelCompiler.Runtime.Inference;

/// <summary>Finds the texts that end a generation in text that comes in pieces, and holds back what may be the beginning of one.</summary>
internal sealed class StopMatcher(IReadOnlyList<string> stops)
{
    private string _held = "";

    /// <summary>Whether a text was found: nothing comes after it.</summary>
    public bool Found { get; private set; }

    /// <summary>What can be given out after a piece.</summary>
    public string Append(string piece)
    {
        if (stops.Count == 0 || (piece.Length == 0 && _held.Length == 0)) return piece;
        var text = _held + piece;
        var first = text.Length;
        foreach (var stop in stops)
        {
            if (text.IndexOf(stop, StringComparison.Ordinal) is >= 0 and var at && at < first) (first, Found) = (at, true);
        }

        if (!Found) first = text.Length - Beginning(text);
        _held = Found ? "" : text[first..];
        return text[..first];
    }

    /// <summary>What was held back, at the end.</summary>
    public string Flush() => _held;

    /// <summary>The longest end of a text that is the beginning of one that stops.</summary>
    private int Beginning(string text)
    {
        var longest = 0;
        foreach (var stop in stops)
        {
            for (var length = Math.Min(stop.Length - 1, text.Length); length > longest; length--)
            {
                if (text.AsSpan(text.Length - length).SequenceEqual(stop.AsSpan(0, length))) longest = length;
            }
        }

        return longest;
    }
}
