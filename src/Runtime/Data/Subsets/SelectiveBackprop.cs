namespace ModelCompiler.Runtime.Data.Subsets;

/// <summary>
/// Selective-Backprop (Jiang et al. 2019, "Accelerating Deep Learning by Focusing on the Biggest Losers"): trains on the
/// candidates with the highest losses, or draws them in proportion to the percentile of their loss to the power of beta. With
/// <c>interrupt</c> the losses of samples that come again are used while they are not older than that (the paper's StaleSB).
/// </summary>
internal sealed class SelectiveBackprop(int count, int seed, double keep, int interrupt, double? beta, ISampleScorer scorer)
    : CandidateSubset(count, seed, keep, interrupt, beta, scorer)
{
    protected override double Score(int sample, float loss) => loss;
}
