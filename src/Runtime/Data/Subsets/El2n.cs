using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Data.Subsets;

/// <summary>
/// Pruning by the error norm (Paul et al. 2021, "Deep Learning on a Data Diet"): after a few steps on all samples, each is
/// scored by the Euclidean norm of softmax minus one-hot, here the mean over its tokens; the samples with the highest scores
/// are those of the rest of the run. The paper averages the scores of ten models; this is one.
/// </summary>
/// <param name="count">Number of samples.</param>
/// <param name="seed">Decides the orders.</param>
/// <param name="keep">Share of the samples that stays.</param>
/// <param name="after">Steps before they are scored.</param>
/// <param name="scorer">The forward pass.</param>
internal sealed class El2n(int count, int seed, double keep, int after, ISampleScorer scorer) : ISubset
{
    private const int Chunk = 4096;

    private readonly Epochs _epochs = new(count, seed);
    private readonly byte[] _kept = AllOf(count);
    private bool _isScored;
    private long _considered;
    private long _trained;

    public SubsetCounts Counts => new(_considered, _trained, _isScored ? count : 0);

    public void Choose(int step, Span<int> samples, Span<float> weights)
    {
        if (!_isScored && step >= after)
            Score();
        foreach (ref var sample in samples)
            sample = Next();
        _trained += samples.Length;
    }

    public void Describe(CheckpointTable table)
    {
        _epochs.Describe(table);
        table.Array("kept", _kept);
        table.Value("is-scored", () => _isScored, isScored => _isScored = isScored);
        table.Value("considered", () => _considered, considered => _considered = considered);
        table.Value("trained", () => _trained, trained => _trained = trained);
    }

    private int Next()
    {
        while (true)
        {
            var sample = _epochs.Next();
            if (sample < 0)
            {
                _epochs.Begin();
                continue;
            }

            _considered++;
            if (_kept[sample] != 0)
                return sample;
        }
    }

    private void Score()
    {
        var (samples, errors) = (Enumerable.Range(0, count).ToArray(), new float[count]);
        for (var start = 0; start < count; start += Chunk)
        {
            var length = Math.Min(Chunk, count - start);
            scorer.Errors(samples.AsSpan(start, length), errors.AsSpan(start, length));
        }

        Array.Sort(errors, samples);
        var dropped = count - Math.Max(1, (int)Math.Round(keep * count));
        foreach (var sample in samples.AsSpan(0, dropped))
            _kept[sample] = 0;
        _isScored = true;
        _epochs.Begin();
    }

    private static byte[] AllOf(int count)
    {
        var kept = new byte[count];
        Array.Fill(kept, (byte)1);
        return kept;
    }
}
