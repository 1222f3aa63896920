using ModelCompiler.Runtime.Training;
using ModelCompiler.Runtime.Training.Optimizers;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Training.Optimizers;

public sealed class LionOptimizerTests
{
    private const double Beta1 = 0.9, Beta2 = 0.99, Decay = 0.1;

    [Theory]
    [InlineData(0, 0, false)]
    [InlineData(Decay, 0.5, false)]
    [InlineData(0, 0.5, true)]
    public void Steps_agree_with_the_rule(double vectorDecay, double clip, bool byOperators)
    {
        var state = ParameterStoreTests.Layout.Select(info => new double[info.Length]).ToArray();
        OptimizerCheck.AgreesWith(
            ParameterStoreTests.Layout,
            store => new LionOptimizer(store, Beta1, Beta2, Decay, vectorDecay, clip) { ByOperators = byOperators },
            (parameter, values, gradient, _) =>
            {
                var decay = ParameterStoreTests.Layout[parameter].Decay ? Decay : vectorDecay;
                for (var i = 0; i < values.Length; i++)
                {
                    ref var m = ref state[parameter][i];
                    values[i] -= OptimizerCheck.Rate * ((decay * values[i]) + Math.Sign((Beta1 * m) + ((1 - Beta1) * gradient[i])));
                    m = (Beta2 * m) + ((1 - Beta2) * gradient[i]);
                }
            },
            clip,
            tolerance: 3e-4);
    }

    [Fact]
    public void A_parameter_without_a_gradient_stays()
    {
        using var store = new ParameterStore(CPU, ParameterStoreTests.Layout, ScalarType.Float32);
        store.Initialize(1);
        store.Gradients[0] = 1;
        using var optimizer = new LionOptimizer(store, Beta1, Beta2, 0, 0, 0);
        var before = store.Master.clone();
        optimizer.Step(1, OptimizerCheck.Rate);
        Assert.Equal(1, before.ne(store.Master).sum().item<long>());
    }

    [Fact]
    public void It_continues_from_its_state() => OptimizerCheck.ContinuesFromItsState(ParameterStoreTests.Layout, Create);

    [Fact]
    public void Steps_allocate_nothing() => Assert.InRange(OptimizerCheck.BytesOfAStep(ParameterStoreTests.Layout, Create), 0, 64);

    private static LionOptimizer Create(ParameterStore store) => new(store, Beta1, Beta2, Decay, vectorDecay: 0, clip: 1);
}
