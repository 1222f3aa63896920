using ModelCompiler.Runtime.Data.Tokens;

namespace ModelCompiler.Runtime.Data.Batches;

/// <summary>
/// A text whose documents stand in another order, each of them whole: what reads on in it sees documents of all parts of the text, and of each its
/// tokens as they follow each other.
/// </summary>
internal sealed class ShuffledDocuments
{
    private readonly TokenCache _tokens;

    /// <summary>Of each document in the new order: where it begins in the text, and where it ends in the new one.</summary>
    private readonly long[] _starts, _ends;

    /// <param name="tokens">The text.</param>
    /// <param name="endOfText">The token that closes a document.</param>
    /// <param name="seed">Of the order.</param>
    public ShuffledDocuments(TokenCache tokens, int endOfText, int seed)
    {
        _tokens = tokens;
        var bounds = Bounds(tokens, endOfText);
        var order = new Shuffle(bounds.Count - 1, (ulong)seed);
        (_starts, _ends) = (new long[bounds.Count - 1], new long[bounds.Count - 1]);
        var end = 0L;
        for (var place = 0; place < _starts.Length; place++)
        {
            var document = (int)order[place];
            end += bounds[document + 1] - bounds[document];
            (_starts[place], _ends[place]) = (bounds[document], end);
        }
    }

    /// <summary>Copies the tokens from a place of the new text on, which begins again after its end.</summary>
    /// <param name="start">At least 0; may lie behind the end.</param>
    /// <param name="into">Any number of tokens.</param>
    public void ReadRing(long start, Span<long> into)
    {
        start %= _tokens.Count;
        var place = Array.BinarySearch(_ends, start + 1);
        if (place < 0) place = ~place;
        while (true)
        {
            var left = _ends[place] - start;
            var count = (int)Math.Min(into.Length, left);
            var end = _starts[place] + _ends[place] - (place > 0 ? _ends[place - 1] : 0);
            _tokens.Read(end - left, into[..count]);
            into = into[count..];
            if (into.IsEmpty) return;
            start += count;
            if (++place < _ends.Length) continue;
            (place, start) = (0, 0);
        }
    }

    /// <summary>Where documents begin, and the end of the last.</summary>
    private static List<long> Bounds(TokenCache tokens, int endOfText)
    {
        var bounds = new List<long> { 0 };
        var piece = new long[1 << 16];
        for (var first = 0L; first < tokens.Count; first += piece.Length)
        {
            var read = piece.AsSpan(0, (int)Math.Min(piece.Length, tokens.Count - first));
            tokens.Read(first, read);
            for (int from = 0, found; (found = read[from..].IndexOf(endOfText)) >= 0; from += found + 1) bounds.Add(first + from + found + 1);
        }

        if (bounds[^1] < tokens.Count) bounds.Add(tokens.Count);
        return bounds;
    }
}
