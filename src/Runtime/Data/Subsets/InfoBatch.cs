using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Data.Subsets;

/// <summary>
/// InfoBatch (Qin et al., ICLR 2024): in each epoch a sample whose last loss lies below the mean of all is left out with
/// probability r; one that stays has its loss multiplied by 1 / (1 − r), so that the expected sum of gradients over an epoch is
/// that over all samples. In the last part of the run nothing is left out, which removes what bias the old losses bring.
/// The losses are those of training itself: no sample is passed forward only to be judged.
/// </summary>
/// <param name="count">Number of samples.</param>
/// <param name="seed">Decides order and pruning.</param>
/// <param name="prune">The probability r.</param>
/// <param name="lastStep">The step from which on nothing is pruned.</param>
internal sealed class InfoBatch(int count, int seed, double prune, int lastStep) : ISubset
{
    private readonly Epochs _epochs = new(count, seed);
    private readonly float[] _losses = Filled(count, 1); // as in the paper: equal, so that the first epoch has all
    private readonly float[] _weights = Filled(count, 1); // of this epoch; 0 for what is left out
    private bool _pruned; // whether this epoch leaves anything out
    private long _considered;
    private long _trained;

    public SubsetCounts Counts => new(_considered, _trained, 0);

    public void Choose(int step, Span<int> samples, Span<float> weights)
    {
        if (_pruned && step >= lastStep)
            Begin(step);
        for (var row = 0; row < samples.Length; row++)
            (samples[row], weights[row]) = Next(step);
        _trained += samples.Length;
    }

    public void Observe(int step, ReadOnlySpan<int> samples, ReadOnlySpan<float> losses)
    {
        for (var row = 0; row < samples.Length; row++)
            _losses[samples[row]] = losses[row];
    }

    public void Describe(CheckpointTable table)
    {
        _epochs.Describe(table);
        table.Array("losses", _losses);
        table.Array("weights", _weights);
        table.Value("pruned", () => _pruned, pruned => _pruned = pruned);
        table.Value("considered", () => _considered, considered => _considered = considered);
        table.Value("trained", () => _trained, trained => _trained = trained);
    }

    private (int Sample, float Weight) Next(int step)
    {
        while (true)
        {
            var sample = _epochs.Next();
            if (sample < 0)
            {
                Begin(step);
                continue;
            }

            _considered++;
            if (_weights[sample] > 0)
                return (sample, _weights[sample]);
        }
    }

    private void Begin(int step)
    {
        _epochs.Begin();
        var mean = _losses.Sum(loss => (double)loss) / count;
        _pruned = step < lastStep;
        for (var sample = 0; sample < count; sample++)
        {
            var low = _pruned && _losses[sample] < mean;
            _weights[sample] = !low ? 1 : _epochs.Uniform(sample) < prune ? 0 : (float)(1 / (1 - prune));
        }
    }

    private static float[] Filled(int count, float value)
    {
        var values = new float[count];
        Array.Fill(values, value);
        return values;
    }
}
