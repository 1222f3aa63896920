using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Pruning;

/// <summary>The exact choice of a number of elements, the same on every device and at every run.</summary>
internal static class Lowest
{
    /// <summary>Marks the k lowest scores of each row; of equal ones those that come first.</summary>
    /// <param name="scores">[R, K], without NaN.</param>
    /// <param name="k">At most K.</param>
    /// <returns>bool [R, K], with exactly k marks in each row.</returns>
    public static Tensor Of(Tensor scores, long k)
    {
        if (k <= 0) return zeros_like(scores, ScalarType.Bool);
        if (k >= scores.size(1)) return ones_like(scores, ScalarType.Bool);
        var limit = scores.kthvalue(k, 1, keepdim: true).values;
        var below = scores < limit;
        var ties = scores == limit;
        var missing = k - below.sum(1, keepdim: true);
        return below | (ties & (ties.cumsum(1) <= missing));
    }
}
