using ModelCompiler.Runtime.Data.Labels;

namespace ModelCompiler.Runtime.Data.Batches;

/// <summary>
/// Batches of texts with their classes: [CLS] text [SEP], and padding to the length of the context; longer texts are cut. The
/// target of [CLS] is the class, the others are ignored. A function of seed and number.
/// </summary>
public sealed class LabeledBatches : IBatchSource
{
    private readonly LabeledExamples _examples;
    private readonly SpecialTokens _special;
    private readonly SampleOrder? _order;

    /// <param name="examples">What is drawn from.</param>
    /// <param name="special">The tokens around the text.</param>
    /// <param name="batch">Sequences in a batch, B.</param>
    /// <param name="sequence">Tokens in a sequence, T.</param>
    /// <param name="seed">Decides the order in each epoch; null for fixed batches, spread evenly over the examples.</param>
    /// <param name="mostBatches">Of fixed ones.</param>
    public LabeledBatches(LabeledExamples examples, SpecialTokens special, int batch, int sequence, int? seed, int mostBatches = int.MaxValue)
    {
        (_examples, _special, Batch, Sequence) = (examples, special, batch, sequence);
        _order = seed is { } value ? new SampleOrder(examples.Count, value) : null;
        Batches = Math.Clamp(examples.Count / batch, 1, mostBatches);
    }

    public int Batch { get; }

    public int Sequence { get; }

    /// <summary>Fixed batches, or those of an epoch.</summary>
    public int Batches { get; }

    public void Fill(long index, Span<long> tokens, Span<long> targets)
    {
        targets.Fill(Masking.Ignored);
        tokens.Fill(_special.Pad);
        for (var row = 0; row < Batch; row++)
        {
            var example = Example((index * Batch) + row);
            var sequence = tokens.Slice(row * Sequence, Sequence);
            sequence[0] = _special.Cls;
            sequence[1 + _examples.Read(example, sequence[1..^1])] = _special.Sep;
            targets[row * Sequence] = _examples.Class(example);
        }
    }

    private int Example(long place)
    {
        if (_order is { } order)
        {
            var (epoch, within) = Math.DivRem(place, _examples.Count);
            return (int)order.Epoch((int)epoch)[within];
        }

        var wanted = (long)Batches * Batch;
        return (int)(wanted <= _examples.Count ? place * _examples.Count / wanted : place % _examples.Count);
    }
}
