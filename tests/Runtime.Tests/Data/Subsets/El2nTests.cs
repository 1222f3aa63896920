using ModelCompiler.Runtime.Data.Subsets;

namespace ModelCompiler.Runtime.Tests.Data.Subsets;

public class El2nTests
{
    [Fact]
    public void AfterItsStepsOnlyTheSamplesWithTheLargestErrorsAreTrainedOn()
    {
        var run = new SubsetRun(200, batch: 10);
        var subset = new El2n(200, seed: 1, keep: 0.3, after: 20, run);
        run.Make(subset, 20);
        Assert.Equal(Enumerable.Range(0, 200), run.Samples().Order());
        Assert.Equal(0, run.Scored);

        var hardest = Enumerable.Range(0, 200).OrderByDescending(run.Loss).Take(60).Order().ToArray();
        run.Make(subset, 12);
        Assert.Equal(hardest, run.Samples(20)[..60].Order());
        Assert.Equal(hardest, run.Samples(20)[60..].Order());
        Assert.Equal(200, run.Scored);
        Assert.Equal(320, subset.Counts.Trained);
        Assert.InRange(subset.Counts.Considered, 200 + 400 - 10, 200 + 400);
    }
}
