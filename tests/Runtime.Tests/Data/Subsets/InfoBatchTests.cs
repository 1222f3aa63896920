using ModelCompiler.Runtime.Data.Subsets;

namespace ModelCompiler.Runtime.Tests.Data.Subsets;

public class InfoBatchTests
{
    private const int Count = 1000;
    private const int Batch = 10;

    [Fact]
    public void TheFirstEpochHasAllSamplesOnceWithWeightOne()
    {
        var run = new SubsetRun(Count, Batch).Make(new InfoBatch(Count, 1, 0.5, lastStep: 1000), Count / Batch);
        Assert.Equal(Enumerable.Range(0, Count), run.Samples().Order());
        Assert.All(run.Steps, step => Assert.All(step.Weights, weight => Assert.Equal(1, weight)));
    }

    [Fact]
    public void LaterEpochsHaveAllAboveTheMeanAndTheOthersByChanceWithTheirWeights()
    {
        var run = new SubsetRun(Count, batch: 1);
        var subset = new InfoBatch(Count, 1, prune: 0.8, lastStep: 100_000);
        run.Make(subset, Count);
        float[] losses = [.. Enumerable.Range(0, Count).Select(sample => run.Loss(sample) * 1.1f)]; // before the visit
        var mean = losses.Average();
        run.Make(subset, 500);

        var second = run.Steps.Skip(Count).ToArray();
        Assert.InRange(subset.Counts.Considered, Count + 500, 2 * Count); // still in the second epoch
        foreach (var (samples, weights) in second)
            Assert.Equal(losses[samples[0]] < mean ? 5 : 1, weights[0], 4);
        Assert.Equal(second.Length, second.Select(step => step.Samples[0]).Distinct().Count());
    }

    /// <summary>
    /// The expectation over what is pruned, of the sum over an epoch of weight times gradient, is the sum of all gradients. The
    /// gradients here are vectors that differ most between samples of low and high loss, so that a bias would be seen.
    /// </summary>
    [Fact]
    public void TheExpectedGradientOfAnEpochIsThatOfAllSamples()
    {
        const int Small = 200;
        double[] Gradient(int sample, SubsetRun run) => [run.Loss(sample), 1 / run.Loss(sample), sample % 3 - 1, 1];
        var (expected, sum) = (new double[4], new double[4]);
        const int Seeds = 400;
        for (var seed = 0; seed < Seeds; seed++)
        {
            var run = new SubsetRun(Small, batch: 1);
            var subset = new InfoBatch(Small, seed, prune: 0.5, lastStep: 100_000);
            run.Make(subset, Small);
            double[][] gradients = [.. Enumerable.Range(0, Small).Select(sample => Gradient(sample, run))];
            if (seed == 0)
                expected = [.. Enumerable.Range(0, 4).Select(i => gradients.Sum(gradient => gradient[i]))];

            while (subset.Counts.Considered < 2 * Small)
            {
                run.Make(subset, 1);
                if (subset.Counts.Considered > 2 * Small)
                    break; // already of the third epoch
                var (samples, weights) = run.Steps[^1];
                for (var i = 0; i < 4; i++)
                    sum[i] += weights[0] * gradients[samples[0]][i] / Seeds;
            }
        }

        for (var i = 0; i < 4; i++)
            Assert.InRange(sum[i], expected[i] - (0.01 * Small), expected[i] + (0.01 * Small));
    }

    [Fact]
    public void BackwardPassesAreSavedUntilTheLastPartOfTheRun()
    {
        var subset = new InfoBatch(Count, 1, prune: 0.5, lastStep: 500);
        var run = new SubsetRun(Count, Batch).Make(subset, 500);
        var (considered, trained, scored) = subset.Counts;
        Assert.Equal(0, scored);
        Assert.Equal(5000, trained);
        // After the first epoch about half are below the mean, and half of these are pruned.
        Assert.InRange((considered - 1000.0) / (trained - 1000), 1.2, 1.5);

        run.Make(subset, 200);
        Assert.Equal(considered + 2000, subset.Counts.Considered);
        Assert.Equal(Enumerable.Range(0, Count), run.Samples(500).Take(Count).Order());
        Assert.All(run.Steps.Skip(500), step => Assert.All(step.Weights, weight => Assert.Equal(1, weight)));
    }
}
