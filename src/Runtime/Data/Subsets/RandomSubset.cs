using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Data.Subsets;

/// <summary>A random share of the samples in each epoch, chosen anew each time.</summary>
/// <param name="count">Number of samples.</param>
/// <param name="seed">Decides all choices.</param>
/// <param name="keep">The share.</param>
internal sealed class RandomSubset(int count, int seed, double keep) : ISubset
{
    private readonly Epochs _epochs = new(count, seed);
    private readonly long _kept = Math.Max(1, (long)Math.Round(keep * count));
    private long _trained;

    public SubsetCounts Counts => new(_trained / _kept * count + (_trained % _kept * count / _kept), _trained, 0);

    public void Choose(int step, Span<int> samples, Span<float> weights)
    {
        foreach (ref var sample in samples)
        {
            // The first places of a random order are a random choice.
            if (_trained > 0 && _trained % _kept == 0)
                _epochs.Begin();
            sample = _epochs.Next();
            _trained++;
        }
    }

    public void Describe(CheckpointTable table)
    {
        _epochs.Describe(table);
        table.Value("trained", () => _trained, trained => _trained = trained);
    }
}
