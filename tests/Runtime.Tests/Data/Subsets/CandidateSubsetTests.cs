using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Data.Subsets;

namespace ModelCompiler.Runtime.Tests.Data.Subsets;

public class CandidateSubsetTests
{
    private const int Count = 400;

    [Fact]
    public void TheHighestLossesOfTheCandidatesAreTrainedOn()
    {
        var (run, oracle) = (new SubsetRun(Count), new SubsetRun(Count));
        var subset = new SelectiveBackprop(Count, seed: 1, keep: 0.25, interrupt: 0, beta: null, run);
        run.Make(subset, 25);
        var order = new SampleOrder(Count, 1).Epoch(0);
        for (var step = 0; step < 25; step++)
        {
            var candidates = Enumerable.Range(step * 16, 16).Select(place => (int)order[place]);
            Assert.Equal(candidates.OrderByDescending(oracle.Loss).Take(4).Order(), run.Steps[step].Samples.Order());
        }

        Assert.Equal(new SubsetCounts(400, 100, 400), subset.Counts);
        Assert.Equal(400, run.Scored);
    }

    [Fact]
    public void RhoLossIsTheExcessOverTheIrreducibleLoss()
    {
        var (run, oracle) = (new SubsetRun(Count), new SubsetRun(Count));
        float[] irreducible = [.. Enumerable.Range(0, Count).Select(sample => sample * 31 % 97 / 50f)];
        run.Make(new RhoLoss(Count, seed: 1, keep: 0.1, irreducible, run), 10);
        var order = new SampleOrder(Count, 1).Epoch(0);
        for (var step = 0; step < 10; step++)
        {
            var candidates = Enumerable.Range(step * 40, 40).Select(place => (int)order[place]);
            Assert.Equal(
                candidates.OrderByDescending(sample => oracle.Loss(sample) - irreducible[sample]).Take(4).Order(), run.Steps[step].Samples.Order());
        }
    }

    [Fact]
    public void BetaDrawsByThePercentileOfTheLoss()
    {
        // One candidate of two is drawn: with beta 1 the higher loss, of percentile 1 against 1/2, two times in three.
        var run = new SubsetRun(Count, batch: 1);
        var subset = new SelectiveBackprop(Count, seed: 1, keep: 0.5, interrupt: 0, beta: 1, run);
        var (higher, steps) = (0, 20_000);
        var order = new SampleOrder(Count, 1);
        var oracle = new SubsetRun(Count);
        for (var step = 0; step < steps; step++)
        {
            Span<int> sample = [0];
            subset.Choose(step, sample, [1]);
            var (epoch, place) = Math.DivRem(step * 2, Count);
            var (first, second) = ((int)order.Epoch(epoch)[place], (int)order.Epoch(epoch)[place + 1]);
            if (sample[0] == (oracle.Loss(first) > oracle.Loss(second) ? first : second))
                higher++;
        }

        Assert.InRange(higher / (double)steps, (2 / 3.0) - 0.02, (2 / 3.0) + 0.02);
    }

    [Fact]
    public void LossesAreUsedAgainForAsManySteps()
    {
        // An epoch is 50 steps: in the second, losses of the first are 50 steps old, or fresher from training.
        long Scored(int interrupt)
        {
            var run = new SubsetRun(Count);
            run.Make(new SelectiveBackprop(Count, 1, keep: 0.5, interrupt, beta: null, run), 100);
            return run.Scored;
        }

        Assert.Equal(800, Scored(0));
        Assert.Equal(400, Scored(200));
        Assert.InRange(Scored(50), 401, 799);
    }
}
