using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Tests.Training;

public sealed class EarlyStopTests
{
    [Fact]
    public void It_stops_after_that_many_validations_without_improvement()
    {
        var stop = new EarlyStop(patience: 2, minDelta: 0.1);
        double[] losses = [3, 2.95, 2.8, double.NaN, 2.75, 2.71];
        Assert.Equal([false, false, false, false, false, true], losses.Select(stop.Validated));
    }
}
