using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Data.Subsets;

/// <summary>
/// A forward pass over more samples than a batch has, and a backward pass over those with the highest scores. Candidates come
/// in the random order of each epoch, so all samples are considered equally often.
/// </summary>
/// <param name="count">Number of samples.</param>
/// <param name="seed">Decides the order of candidates and what is drawn.</param>
/// <param name="keep">Share of the candidates that is trained on.</param>
/// <param name="interrupt">Steps for which a loss is used again; what training itself finds is known for as long.</param>
/// <param name="beta">Candidates are drawn in proportion to their percentile to this power; null to take the highest scores.</param>
/// <param name="scorer">The forward pass.</param>
internal abstract class CandidateSubset(int count, int seed, double keep, int interrupt, double? beta, ISampleScorer scorer) : ISubset
{
    private readonly Epochs _epochs = new(count, seed);
    private readonly float[] _losses = new float[count];
    private readonly int[] _lossStep = Unknown(count);
    private long _considered;
    private long _trained;
    private long _scored;
    private int[] _candidates = [];
    private int[] _stale = [];
    private float[] _staleLosses = [];
    private double[] _keys = [];

    public SubsetCounts Counts => new(_considered, _trained, _scored);

    public void Choose(int step, Span<int> samples, Span<float> weights)
    {
        var wanted = Math.Max(samples.Length, (int)Math.Round(samples.Length / keep));
        if (_candidates.Length != wanted)
            (_candidates, _stale, _staleLosses, _keys) = (new int[wanted], new int[wanted], new float[wanted], new double[wanted]);

        foreach (ref var candidate in _candidates.AsSpan())
            candidate = Next();
        Score(step);
        Rank();
        _candidates.AsSpan(0, samples.Length).CopyTo(samples);
        _considered += wanted;
        _trained += samples.Length;
    }

    public void Observe(int step, ReadOnlySpan<int> samples, ReadOnlySpan<float> losses)
    {
        for (var row = 0; row < samples.Length; row++)
            (_losses[samples[row]], _lossStep[samples[row]]) = (losses[row], step);
    }

    public virtual void Describe(CheckpointTable table)
    {
        _epochs.Describe(table);
        table.Array("losses", _losses);
        table.Array("loss-steps", _lossStep);
        table.Value("considered", () => _considered, considered => _considered = considered);
        table.Value("trained", () => _trained, trained => _trained = trained);
        table.Value("scored", () => _scored, scored => _scored = scored);
    }

    public virtual void Restored()
    {
    }

    /// <summary>How much a sample is worth to be trained on.</summary>
    protected abstract double Score(int sample, float loss);

    private int Next()
    {
        var sample = _epochs.Next();
        if (sample >= 0)
            return sample;
        _epochs.Begin();
        return _epochs.Next();
    }

    /// <summary>Brings the losses of the candidates up to date.</summary>
    private void Score(int step)
    {
        var stale = 0;
        foreach (var candidate in _candidates)
            if (_lossStep[candidate] < 0 || step - _lossStep[candidate] > interrupt || interrupt == 0)
                _stale[stale++] = candidate;
        if (stale == 0)
            return;
        scorer.Losses(_stale.AsSpan(0, stale), _staleLosses.AsSpan(0, stale));
        Observe(step, _stale.AsSpan(0, stale), _staleLosses.AsSpan(0, stale));
        _scored += stale;
    }

    /// <summary>Sorts the candidates, those to be trained on first.</summary>
    private void Rank()
    {
        for (var i = 0; i < _candidates.Length; i++)
            _keys[i] = -Score(_candidates[i], _losses[_candidates[i]]);
        Array.Sort(_keys, _candidates); // introspective sort: equal scores fall the same way in each run
        if (beta is not { } power)
            return;

        // Weighted drawing without replacement by the largest keys ln(u) / w (Efraimidis and Spirakis 2006).
        for (var i = 0; i < _candidates.Length; i++)
        {
            var percentile = (_candidates.Length - i) / (double)_candidates.Length;
            _keys[i] = -Math.Log(_epochs.Uniform(_candidates[i]) + double.Epsilon) / Math.Pow(percentile, power);
        }

        Array.Sort(_keys, _candidates);
    }

    private static int[] Unknown(int count)
    {
        var steps = new int[count];
        Array.Fill(steps, -1);
        return steps;
    }
}
