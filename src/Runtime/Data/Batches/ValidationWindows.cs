using ModelCompiler.Runtime.Data.Tokens;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Data.Batches;

/// <summary>
/// The fixed batches of a validation split: windows of T tokens that do not overlap, spread evenly over the split. A split
/// with fewer windows than one batch repeats them to fill it; an empty split has no batches. For models that remember earlier
/// batches, the windows of a row follow each other, and the rows' first windows are spread evenly.
/// </summary>
public sealed class ValidationWindows : IBatchSource
{
    private readonly TokenCache _tokens;
    private readonly long _windows;
    private readonly bool _continuous;

    /// <param name="tokens">The split.</param>
    /// <param name="batch">Sequences in a batch, B.</param>
    /// <param name="sequence">Tokens in a sequence, T.</param>
    /// <param name="maxBatches">Most batches, the cost of one validation.</param>
    /// <param name="continuous">Whether each batch continues the one before, row by row.</param>
    /// <exception cref="DataException">The split has tokens, but not more than T.</exception>
    public ValidationWindows(TokenCache tokens, int batch, int sequence, int maxBatches, bool continuous = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batch);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sequence);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxBatches);
        _tokens = tokens;
        _continuous = continuous;
        Batch = batch;
        Sequence = sequence;
        if (tokens.Count == 0)
            return;
        CheckLength(tokens, sequence);
        _windows = (tokens.Count - 1) / sequence;
        Batches = (int)Math.Clamp(_windows / batch, 1, maxBatches);
    }

    public int Batch { get; }

    public int Sequence { get; }

    /// <summary>Number of batches.</summary>
    public int Batches { get; }

    /// <summary>Fills one of the batches.</summary>
    /// <param name="index">0 to <see cref="Batches"/> − 1.</param>
    /// <param name="tokens">[B·T], row-major.</param>
    /// <param name="targets">[B·T]: the token that follows each.</param>
    public void Fill(long index, Span<long> tokens, Span<long> targets)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Batches);
        for (var row = 0; row < Batch; row++)
        {
            var start = Start((index * Batch) + row);
            _tokens.Read(start, tokens.Slice(row * Sequence, Sequence));
            _tokens.Read(start + 1, targets.Slice(row * Sequence, Sequence));
        }
    }

    /// <summary>
    /// A loss as bits per byte of text, which can be compared between tokenizers: the bytes are those of the targets, and
    /// the end of a document counts as one.
    /// </summary>
    /// <param name="loss">Mean cross-entropy over all batches, nats per token.</param>
    /// <param name="tokenizer">The tokenizer of the split.</param>
    public double BitsPerByte(double loss, ITextTokenizer tokenizer)
    {
        var targets = new long[Sequence];
        long bytes = 0;
        for (long window = 0; window < (long)Batches * Batch; window++)
        {
            _tokens.Read(Start(window) + 1, targets);
            foreach (var token in targets)
                bytes += tokenizer.Bytes((int)token).Length;
        }

        return loss / Math.Log(2) * Batches * Batch * Sequence / bytes;
    }

    internal static void CheckLength(TokenCache tokens, int sequence)
    {
        if (tokens.Count <= sequence)
        {
            throw new DataException(
                $"The {tokens.Split} text has {tokens.Count} tokens, but a sequence and its target need {sequence + 1}. "
                + "Give more text, or set a shorter architecture.context.");
        }
    }

    private long Start(long window)
    {
        if (_continuous)
        {
            var (index, row) = Math.DivRem(window, Batch);
            return ((row * _windows / Batch) + index) * Sequence;
        }

        var wanted = (long)Batches * Batch;
        return (wanted <= _windows ? window * _windows / wanted : window % _windows) * Sequence;
    }
}
