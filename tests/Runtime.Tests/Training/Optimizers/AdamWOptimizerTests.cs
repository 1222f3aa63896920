using ModelCompiler.Runtime.Training;
using ModelCompiler.Runtime.Training.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Training.Optimizers;

public sealed class AdamWOptimizerTests
{
    private const double Beta1 = 0.9, Beta2 = 0.95, Epsilon = 1e-8, Decay = 0.1;

    [Theory]
    [InlineData(0, 0, false)]
    [InlineData(0, 0.5, false)]
    [InlineData(Decay, 1e6, false)]
    [InlineData(0, 0.5, true)]
    [InlineData(Decay, 1e6, true)]
    public void Steps_agree_with_the_rule(double vectorDecay, double clip, bool byOperators)
    {
        var moments = ParameterStoreTests.Layout.Select(info => (M: new double[info.Length], V: new double[info.Length])).ToArray();
        OptimizerCheck.AgreesWith(
            ParameterStoreTests.Layout,
            store => new AdamWOptimizer(store, Beta1, Beta2, Epsilon, Decay, vectorDecay, clip) { ByOperators = byOperators },
            (parameter, values, gradient, step) => Rule(
                values, gradient, moments[parameter].M, moments[parameter].V, step, OptimizerCheck.Rate, ParameterStoreTests.Layout[parameter].Decay ? Decay : vectorDecay),
            clip,
            tolerance: 3e-4);
    }

    [Fact]
    public void One_step_by_hand()
    {
        using var store = new ParameterStore(CPU, [new("w", [1], 0, true, ParameterInit.Ones), new("v", [1], 16, false, ParameterInit.Ones)], ScalarType.Float32);
        store.Initialize(1);
        store.GradientView(0, 1).fill_(0.5);
        store.GradientView(16, 1).fill_(-2);
        using var optimizer = new AdamWOptimizer(store, Beta1, Beta2, Epsilon, Decay, 0, 0);
        optimizer.Step(1, 0.01);
        // The first step's corrected moments are g and g², so each parameter moves by the rate against its gradient's sign.
        Assert.Equal((1 - (0.01 * Decay)) - 0.01, store.MasterView(0, 1).item<float>(), 1e-6);
        Assert.Equal(1 + 0.01, store.MasterView(16, 1).item<float>(), 1e-6);
    }

    [Theory]
    [InlineData(float.NaN, 1.0)]
    [InlineData(1.0f, double.PositiveInfinity)]
    public void A_loss_and_gradients_that_are_not_finite_update_nothing(float gradient, double loss)
    {
        using var store = new ParameterStore(CPU, ParameterStoreTests.Layout, ScalarType.Float32);
        store.Initialize(1);
        using var before = store.Master.clone();
        store.Gradients[1234] = gradient;
        using var optimizer = Create(store);
        Assert.Equal(double.IsNaN(gradient), double.IsNaN(optimizer.Step(1, 1e-3, loss: loss)));
        Oracle.Same(before, store.Master);
        Assert.All(optimizer.State.Values, values => Assert.Equal(0, values.abs().sum().item<float>()));
        Assert.Throws<ArgumentOutOfRangeException>(() => optimizer.Step(0, 1e-3));
    }

    [Fact]
    public void The_scale_of_the_loss_is_undone()
    {
        using var store = new ParameterStore(CPU, ParameterStoreTests.Layout, ScalarType.Float32);
        using var scaled = new ParameterStore(CPU, ParameterStoreTests.Layout, ScalarType.Float32);
        foreach (var each in new[] { store, scaled }) each.Initialize(1);
        store.Gradients.copy_(Oracle.Normal(1, ScalarType.Float32, store.Length));
        scaled.Gradients.copy_(store.Gradients * 65536);
        using var optimizer = Create(store);
        using var other = Create(scaled);
        Assert.Equal(optimizer.Step(1, 1e-3), other.Step(1, 1e-3, lossScale: 65536), 1e-6);
        Oracle.Close(store.Master, scaled.Master, "master", 1e-6);
    }

    [Fact]
    public void It_continues_from_its_state() => OptimizerCheck.ContinuesFromItsState(ParameterStoreTests.Layout, Create);

    [Fact]
    public void Steps_allocate_nothing() => Assert.InRange(OptimizerCheck.BytesOfAStep(ParameterStoreTests.Layout, Create), 0, 64);

    /// <summary>AdamW's rule as its paper writes it.</summary>
    internal static void Rule(double[] values, double[] gradient, double[] m, double[] v, int step, double rate, double decay)
    {
        for (var i = 0; i < values.Length; i++)
        {
            m[i] = (Beta1 * m[i]) + ((1 - Beta1) * gradient[i]);
            v[i] = (Beta2 * v[i]) + ((1 - Beta2) * gradient[i] * gradient[i]);
            var (mHat, vHat) = (m[i] / (1 - Math.Pow(Beta1, step)), v[i] / (1 - Math.Pow(Beta2, step)));
            values[i] -= rate * ((decay * values[i]) + (mHat / (Math.Sqrt(vHat) + Epsilon)));
        }
    }

    private static AdamWOptimizer Create(ParameterStore store) => new(store, Beta1, Beta2, Epsilon, Decay, vectorDecay: 0, clip: 1);
}
