using ModelCompiler.Runtime.Data.Curricula;
using ModelCompiler.Runtime.Data.Tokens;

namespace ModelCompiler.Runtime.Data.Batches;

/// <summary>
/// Batches for models that remember earlier ones: each row reads on where it ended in the batch before. Documents stand in an order that the
/// seed decides, so that rows see all parts of the text soon; a memory ends with a document anyway. The rows start evenly apart, from an offset
/// that the seed decides too, and go round the text.
/// </summary>
public sealed class StreamBatches : IBatchSource
{
    private readonly long _count;
    private readonly ShuffledDocuments _documents;
    private readonly LengthSchedule _lengths;
    private readonly long _offset;

    /// <param name="tokens">The split to read.</param>
    /// <param name="endOfText">The token that closes a document.</param>
    /// <param name="batch">Sequences in a batch, B.</param>
    /// <param name="sequence">Most tokens in a sequence.</param>
    /// <param name="seed">Decides the order of documents and the offset.</param>
    /// <param name="lengths">Tokens in the sequences of each batch; as many as the most if not given.</param>
    /// <exception cref="DataException">There are not more than T tokens.</exception>
    public StreamBatches(TokenCache tokens, int endOfText, int batch, int sequence, int seed, LengthSchedule? lengths = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batch);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sequence);
        ValidationWindows.CheckLength(tokens, sequence);
        (_count, _documents) = (tokens.Count, new ShuffledDocuments(tokens, endOfText, seed));
        _lengths = lengths ?? new LengthSchedule(sequence);
        _offset = (long)(Shuffle.Mix((ulong)seed) % (ulong)tokens.Count);
        Batch = batch;
        Sequence = sequence;
    }

    public int Batch { get; }

    public int Sequence { get; }

    public int Length(long index) => _lengths.Length(index);

    public void Fill(long index, Span<long> tokens, Span<long> targets)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        var (length, position) = (_lengths.Length(index), _lengths.Position(index));
        for (var row = 0; row < Batch; row++)
        {
            var start = _offset + ((long)((Int128)row * _count / Batch)) + position;
            _documents.ReadRing(start, tokens.Slice(row * length, length));
            _documents.ReadRing(start + 1, targets.Slice(row * length, length));
        }
    }
}
