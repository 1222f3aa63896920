using ModelCompiler.Runtime.Training;
using ModelCompiler.Runtime.Training.Optimizers;

namespace ModelCompiler.Runtime.Tests.Training.Optimizers;

public sealed class SgdOptimizerTests
{
    private const double Momentum = 0.9, Decay = 0.1;

    [Theory]
    [InlineData(false, 0, 0, false)]
    [InlineData(true, 0, 0.5, false)]
    [InlineData(true, Decay, 0, false)]
    [InlineData(false, 0, 0, true)]
    [InlineData(true, 0, 0.5, true)]
    public void Steps_agree_with_the_rule(bool nesterov, double vectorDecay, double clip, bool byOperators)
    {
        var state = ParameterStoreTests.Layout.Select(info => new double[info.Length]).ToArray();
        OptimizerCheck.AgreesWith(
            ParameterStoreTests.Layout,
            store => new SgdOptimizer(store, Momentum, nesterov, Decay, vectorDecay, clip) { ByOperators = byOperators },
            (parameter, values, gradient, _) =>
            {
                var decay = ParameterStoreTests.Layout[parameter].Decay ? Decay : vectorDecay;
                for (var i = 0; i < values.Length; i++)
                {
                    ref var m = ref state[parameter][i];
                    m = (Momentum * m) + gradient[i];
                    values[i] -= OptimizerCheck.Rate * ((decay * values[i]) + (nesterov ? gradient[i] + (Momentum * m) : m));
                }
            },
            clip,
            tolerance: 3e-4);
    }

    [Fact]
    public void It_continues_from_its_state() => OptimizerCheck.ContinuesFromItsState(ParameterStoreTests.Layout, Create);

    [Fact]
    public void Steps_allocate_nothing() => Assert.InRange(OptimizerCheck.BytesOfAStep(ParameterStoreTests.Layout, Create), 0, 64);

    private static SgdOptimizer Create(ParameterStore store) => new(store, Momentum, nesterov: true, Decay, vectorDecay: 0, clip: 1);
}
