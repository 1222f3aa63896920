using ModelCompiler.Runtime.Data.Subsets;

namespace ModelCompiler.Runtime.Tests.Data.Subsets;

public class RandomSubsetTests
{
    [Fact]
    public void EachEpochHasItsShareOnceAndOthersThanTheOneBefore()
    {
        var run = new SubsetRun(200, batch: 10);
        var subset = new RandomSubset(200, seed: 1, keep: 0.25);
        run.Make(subset, 20);
        var epochs = run.Samples().Chunk(50).ToArray();
        Assert.All(epochs, epoch => Assert.Equal(50, epoch.Distinct().Count()));
        Assert.NotEqual(epochs[0].Order(), epochs[1].Order());
        Assert.Equal(new SubsetCounts(800, 200, 0), subset.Counts);
    }
}
