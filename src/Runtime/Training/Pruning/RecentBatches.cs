namespace ModelCompiler.Runtime.Training.Pruning;

/// <summary>The last batches that a program was trained on, to be read again. They are in checkpoints.</summary>
/// <param name="count">How many are kept.</param>
/// <param name="size">Tokens of the largest.</param>
internal sealed class RecentBatches(int count, int size)
{
    private readonly long[] _tokens = new long[count * size], _targets = new long[count * size];
    private readonly int[] _lengths = new int[count];
    private int _next;

    public void Add(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets)
    {
        var place = _next++ % count;
        tokens.CopyTo(_tokens.AsSpan(place * size, size));
        targets.CopyTo(_targets.AsSpan(place * size, size));
        _lengths[place] = tokens.Length;
    }

    /// <summary>Hands out each batch, the oldest first.</summary>
    public void Read(BatchReader read)
    {
        for (var i = Math.Max(0, _next - count); i < _next; i++)
        {
            var (start, length) = (i % count * size, _lengths[i % count]);
            read(_tokens.AsSpan(start, length), _targets.AsSpan(start, length));
        }
    }

    public void Describe(CheckpointTable table)
    {
        table.Array("recent.tokens", _tokens, count, size);
        table.Array("recent.targets", _targets, count, size);
        table.Array("recent.lengths", _lengths);
        table.Value("recent.next", () => _next, next => _next = next);
    }
}

/// <summary>A forward pass over a batch.</summary>
/// <param name="tokens">[B, T]</param>
/// <param name="targets">[B, T]</param>
public delegate void BatchReader(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets);
