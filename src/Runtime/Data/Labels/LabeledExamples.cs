using ModelCompiler.Runtime.Data.Tokens;

namespace ModelCompiler.Runtime.Data.Labels;

/// <summary>The documents of a split, each with its class.</summary>
public sealed class LabeledExamples
{
    private readonly TokenCache _tokens;
    private readonly long[] _ends;
    private readonly int[] _classes;

    /// <param name="tokens">The documents, each ended by a token of its own.</param>
    /// <param name="endOfText">That token.</param>
    /// <param name="classes">Their classes, in the same order.</param>
    /// <exception cref="DataException">There are not as many documents as classes: the text has changed meanwhile.</exception>
    public LabeledExamples(TokenCache tokens, int endOfText, int[] classes)
    {
        _tokens = tokens;
        _classes = classes;
        _ends = Ends(tokens, endOfText);
        if (_ends.Length != classes.Length)
            throw new DataException($"The {tokens.Split} text has {_ends.Length} documents but {classes.Length} labels: it was changed while it was read. Start again.");
    }

    public int Count => _classes.Length;

    /// <summary>The class of an example.</summary>
    public int Class(int example) => _classes[example];

    /// <summary>Reads the tokens of an example, at most as many as fit.</summary>
    /// <returns>Their number.</returns>
    public int Read(int example, Span<long> into)
    {
        var start = example == 0 ? 0 : _ends[example - 1] + 1;
        var count = (int)Math.Min(into.Length, _ends[example] - start);
        _tokens.Read(start, into[..count]);
        return count;
    }

    /// <summary>The share of the most frequent class of these examples among others: what a guess without reading gets right.</summary>
    public double Majority(LabeledExamples measured)
    {
        var most = _classes.CountBy(c => c).MaxBy(pair => pair.Value).Key;
        return (double)measured._classes.Count(c => c == most) / measured.Count;
    }

    private static long[] Ends(TokenCache tokens, int endOfText)
    {
        var ends = new List<long>();
        var buffer = new long[1 << 14];
        for (long start = 0; start < tokens.Count; start += buffer.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, tokens.Count - start));
            tokens.Read(start, part);
            for (var i = 0; i < part.Length; i++)
            {
                if (part[i] == endOfText)
                    ends.Add(start + i);
            }
        }

        return [.. ends];
    }
}
