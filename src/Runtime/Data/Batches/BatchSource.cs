using ModelCompiler.Runtime.Data.Tokens;

namespace ModelCompiler.Runtime.Data.Batches;

/// <summary>
/// Training batches: in each epoch the tokens, taken as a ring, are cut at a random offset into windows of T that do not
/// overlap, and the windows come in random order. So an epoch sees each token once, but for the Count mod T that do not fill a
/// window, and each epoch cuts elsewhere. Everything follows from (seed, step).
/// </summary>
public sealed class BatchSource : IBatchSource
{
    private readonly TokenCache _tokens;
    private readonly long _windows;
    private readonly ulong _seed;

    /// <param name="tokens">The split to draw from.</param>
    /// <param name="batch">Sequences in a batch, B.</param>
    /// <param name="sequence">Tokens in a sequence, T.</param>
    /// <param name="seed">Decides offsets and order.</param>
    /// <exception cref="DataException">There are not more than T tokens.</exception>
    public BatchSource(TokenCache tokens, int batch, int sequence, int seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batch);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sequence);
        ValidationWindows.CheckLength(tokens, sequence);
        _tokens = tokens;
        _windows = tokens.Count / sequence;
        _seed = Shuffle.Mix((ulong)seed);
        Batch = batch;
        Sequence = sequence;
    }

    public int Batch { get; }

    public int Sequence { get; }

    /// <summary>Steps until each token has been seen once.</summary>
    public double StepsPerEpoch => (double)_windows / Batch;

    public void Fill(long step, Span<long> tokens, Span<long> targets)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        for (var row = 0; row < Batch; row++)
        {
            var (epoch, index) = Math.DivRem((step * Batch) + row, _windows);
            var key = Shuffle.Mix(_seed + (ulong)epoch);
            var offset = (long)(Shuffle.Mix(key) % (ulong)_tokens.Count);
            var start = offset + (new Shuffle(_windows, key)[index] * Sequence);
            ReadRing(start, tokens.Slice(row * Sequence, Sequence));
            ReadRing(start + 1, targets.Slice(row * Sequence, Sequence));
        }
    }

    private void ReadRing(long start, Span<long> into)
    {
        start %= _tokens.Count;
        var untilEnd = (int)Math.Min(into.Length, _tokens.Count - start);
        _tokens.Read(start, into[..untilEnd]);
        _tokens.Read(0, into[untilEnd..]);
    }
}
