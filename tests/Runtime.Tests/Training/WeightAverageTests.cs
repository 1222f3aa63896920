using ModelCompiler.Runtime.Training;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Training;

public sealed class WeightAverageTests
{
    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void It_is_the_moving_average_of_the_parameters(bool warmup, bool byOperators)
    {
        using var scope = NewDisposeScope();
        using var store = new ParameterStore(CPU, ParameterStoreTests.Layout, ScalarType.BFloat16);
        using var average = new WeightAverage(store, decay: 0.6, warmup) { ByOperators = byOperators };
        var expected = zeros(store.Length, ScalarType.Float64);
        for (var step = 1; step <= 10; step++)
        {
            store.Master.copy_(Oracle.Normal(step, ScalarType.Float32, store.Length));
            average.Update(step);
            var decay = step == 1 ? 0 : warmup ? Math.Min(0.6, (1.0 + step) / (10 + step)) : 0.6;
            expected = (expected * decay) + (store.Master.to(ScalarType.Float64) * (1 - decay));
        }

        var parameters = store.Master.clone();
        average.Exchange();
        Oracle.Close(expected, store.Master, "average", 1e-6);
        Oracle.Same(store.Master.to(ScalarType.BFloat16), store.Weight(0, store.Length));
        average.Exchange();
        Oracle.Same(parameters, store.Master);
        Oracle.Same(parameters.to(ScalarType.BFloat16), store.Weight(0, store.Length));
    }
}
