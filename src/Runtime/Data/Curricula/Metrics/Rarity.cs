using ModelCompiler.Runtime.Data.Batches;

namespace ModelCompiler.Runtime.Data.Curricula.Metrics;

/// <summary>
/// The mean negative log probability of a sample's tokens, each by its share of all tokens of the samples (Platanios et al.
/// 2019; they take the sum, which for samples of one length is the same order).
/// </summary>
/// <param name="vocabulary">Number of different tokens.</param>
internal sealed class Rarity(int vocabulary) : SampleDifficulty
{
    private readonly double[] _surprise = new double[vocabulary];

    protected override void Prepare(SampleWindows samples)
    {
        var counts = new long[vocabulary];
        var (tokens, targets) = (new long[samples.Sequence], new long[samples.Sequence]);
        for (var sample = 0; sample < samples.Count; sample++)
        {
            samples.Read(sample, tokens, targets);
            foreach (var token in tokens)
                counts[token]++;
        }

        var total = (double)samples.Count * samples.Sequence;
        for (var token = 0; token < vocabulary; token++)
            _surprise[token] = counts[token] == 0 ? 0 : -Math.Log(counts[token] / total); // 0 is never asked for
    }

    protected override double Of(ReadOnlySpan<long> tokens)
    {
        var sum = 0.0;
        foreach (var token in tokens)
            sum += _surprise[token];
        return sum / tokens.Length;
    }
}
