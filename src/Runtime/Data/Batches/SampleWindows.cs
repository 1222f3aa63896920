using ModelCompiler.Runtime.Data.Tokens;

namespace ModelCompiler.Runtime.Data.Batches;

/// <summary>
/// Samples of a training text: windows of T tokens from its start that do not overlap, each of which keeps its number through
/// the whole run. If there are to be fewer than the text has, they are drawn from it at random.
/// </summary>
public sealed class SampleWindows
{
    private readonly TokenCache _tokens;
    private readonly Shuffle? _drawn;

    /// <param name="tokens">The training text.</param>
    /// <param name="sequence">Tokens in a sample, T.</param>
    /// <param name="most">Most samples.</param>
    /// <param name="seed">Decides which they are, if the text has more.</param>
    /// <exception cref="DataException">There are not more than T tokens, or more samples than can be numbered.</exception>
    public SampleWindows(TokenCache tokens, int sequence, long most, int seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(most);
        ValidationWindows.CheckLength(tokens, sequence);
        var windows = (tokens.Count - 1) / sequence;
        if (Math.Min(windows, most) > MostSamples)
            throw new DataException($"The {tokens.Split} text has {windows} samples; set training.subset.samples to at most {MostSamples}.");
        _tokens = tokens;
        Sequence = sequence;
        Count = (int)Math.Min(windows, most);
        if (Count < windows)
            _drawn = new Shuffle(windows, Shuffle.Mix((ulong)seed));
    }

    /// <summary>What is kept of each sample has to fit into arrays.</summary>
    private const int MostSamples = 1_000_000_000;

    /// <summary>Number of samples.</summary>
    public int Count { get; }

    /// <summary>Tokens in a sample, T.</summary>
    public int Sequence { get; }

    /// <summary>Reads a sample.</summary>
    /// <param name="sample">0 to <see cref="Count"/> − 1.</param>
    /// <param name="tokens">[T]</param>
    /// <param name="targets">[T]: the token that follows each.</param>
    public void Read(int sample, Span<long> tokens, Span<long> targets)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sample);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(sample, Count);
        var start = (_drawn is { } drawn ? drawn[sample] : sample) * Sequence;
        _tokens.Read(start, tokens);
        _tokens.Read(start + 1, targets);
    }
}
