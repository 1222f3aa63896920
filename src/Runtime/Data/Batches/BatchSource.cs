using ModelCompiler.Runtime.Data.Curricula;
using ModelCompiler.Runtime.Data.Tokens;

namespace ModelCompiler.Runtime.Data.Batches;

/// <summary>
/// Training batches: in each epoch the tokens, taken as a ring, are cut at a random offset into windows of T that do not
/// overlap, and the windows come in random order. So an epoch sees each token once, but for the Count mod T that do not fill a
/// window, and each epoch cuts elsewhere. Everything follows from seed and number.
/// </summary>
/// <remarks>
/// Each row of a batch goes through windows of its own, from the first token to the last. Where sequences are shorter than a
/// window, the next batch goes on in each row where this one ended, across the end of a window if need be: whatever the
/// lengths, the rows have the same text in the same order.
/// </remarks>
public sealed class BatchSource : IBatchSource
{
    private readonly TokenCache _tokens;
    private readonly long _windows;
    private readonly ulong _seed;
    private readonly LengthSchedule _lengths;

    /// <param name="tokens">The split to draw from.</param>
    /// <param name="batch">Sequences in a batch, B.</param>
    /// <param name="sequence">Tokens in a window, and most in a sequence.</param>
    /// <param name="seed">Decides offsets and order.</param>
    /// <param name="lengths">Tokens in the sequences of each batch; as many as in a window if not given.</param>
    /// <exception cref="DataException">There are not more than T tokens.</exception>
    public BatchSource(TokenCache tokens, int batch, int sequence, int seed, LengthSchedule? lengths = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batch);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sequence);
        ValidationWindows.CheckLength(tokens, sequence);
        _tokens = tokens;
        _windows = tokens.Count / sequence;
        _seed = Shuffle.Mix((ulong)seed);
        _lengths = lengths ?? new LengthSchedule(sequence);
        Batch = batch;
        Sequence = sequence;
    }

    public int Batch { get; }

    public int Sequence { get; }

    /// <summary>Batches of whole windows until each token has been seen once.</summary>
    public double StepsPerEpoch => (double)_windows / Batch;

    public int Length(long index) => _lengths.Length(index);

    public void Fill(long index, Span<long> tokens, Span<long> targets)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        var (length, position) = (_lengths.Length(index), _lengths.Position(index));
        for (var row = 0; row < Batch; row++)
        {
            var (first, count) = (row * length, 0);
            for (var read = 0; read < length; read += count)
            {
                var (turn, within) = Math.DivRem(position + read, Sequence);
                count = (int)Math.Min(length - read, Sequence - within);
                var start = Start((turn * Batch) + row) + within;
                _tokens.ReadRing(start, tokens.Slice(first + read, count));
                _tokens.ReadRing(start + 1, targets.Slice(first + read, count));
            }
        }
    }

    /// <summary>Where a window begins, counted over all epochs.</summary>
    private long Start(long window)
    {
        var (epoch, place) = Math.DivRem(window, _windows);
        var key = Shuffle.Mix(_seed + (ulong)epoch);
        var offset = (long)(Shuffle.Mix(key) % (ulong)_tokens.Count);
        return offset + (new Shuffle(_windows, key)[place] * Sequence);
    }
}
