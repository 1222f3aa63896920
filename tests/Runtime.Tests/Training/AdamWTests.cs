using ModelCompiler.Runtime.Training;
using TorchSharp;
using static TorchSharp.torch;
using AdamW = ModelCompiler.Runtime.Training.AdamW;
using Parameter = TorchSharp.Modules.Parameter;
using TorchAdamW = TorchSharp.Modules.AdamW;

namespace ModelCompiler.Runtime.Tests;

public sealed class AdamWTests
{
    private const double Rate = 3e-3, Beta1 = 0.9, Beta2 = 0.95, Epsilon = 1e-8, Decay = 0.1;

    [Theory]
    [InlineData(0)]
    [InlineData(0.5)]
    [InlineData(1e6)]
    public void TenStepsAgreeWithTorchSharp(double clip)
    {
        using var scope = NewDisposeScope();
        using var store = new ParameterStore(CPU, ParameterStoreTests.Layout, ScalarType.BFloat16);
        store.Initialize(1);
        var names = store.Parameters().Select(pair => pair.Name).ToArray();
        var parameters = store.Parameters().Select(pair => new Parameter(pair.Value.clone())).ToArray();
        var optimizer = optim.AdamW(
            [
                new TorchAdamW.ParamGroup(parameters.Where((_, i) => names[i].EndsWith("a.weight") || names[i].EndsWith("b.weight")), new TorchAdamW.Options { weight_decay = Decay }),
                new TorchAdamW.ParamGroup(parameters.Where((_, i) => !(names[i].EndsWith("a.weight") || names[i].EndsWith("b.weight"))), new TorchAdamW.Options { weight_decay = 0 }),
            ],
            Rate, Beta1, Beta2, Epsilon);
        for (var step = 1; step <= 10; step++)
        {
            foreach (var (info, parameter) in ParameterStoreTests.Layout.Zip(parameters))
            {
                var gradient = Oracle.Normal((step * 10) + (int)info.Offset, ScalarType.Float32, info.Shape);
                store.GradientView(info.Offset, info.Shape).copy_(gradient);
                parameter.grad = gradient;
            }

            var expected = parameters.Sum(parameter => Math.Pow(parameter.grad!.norm().item<float>(), 2));
            if (clip > 0) nn.utils.clip_grad_norm_(parameters, clip);
            optimizer.step();
            var norm = AdamW.Step(store, step, Rate, Beta1, Beta2, Epsilon, Decay, clip);
            Assert.Equal(Math.Sqrt(expected), norm, 1e-3);
        }

        foreach (var (pair, parameter) in store.Parameters().Zip(parameters))
            Oracle.Close(parameter, pair.Value, pair.Name, 1e-5);
        Oracle.Same(store.MasterView(0, 1500).to(ScalarType.BFloat16), store.Weight(0, 1500));
    }

    [Fact]
    public void OneStepByHand()
    {
        using var store = new ParameterStore(CPU, [new("w", [1], 0, true, ParameterInit.Ones), new("v", [1], 16, false, ParameterInit.Ones)], ScalarType.Float32);
        store.Initialize(1);
        store.GradientView(0, 1).fill_(0.5);
        store.GradientView(16, 1).fill_(-2);
        AdamW.Step(store, 1, 0.01, Beta1, Beta2, Epsilon, Decay, 0);
        // The first step's corrected moments are g and g², so each parameter moves by the rate against its gradient's sign.
        Assert.Equal((1 - (0.01 * Decay)) - 0.01, store.MasterView(0, 1).item<float>(), 1e-6);
        Assert.Equal(1 + 0.01, store.MasterView(16, 1).item<float>(), 1e-6);
    }

    [Fact]
    public void GradientsThatAreNotFiniteUpdateNothing()
    {
        using var store = new ParameterStore(CPU, ParameterStoreTests.Layout, ScalarType.Float32);
        store.Initialize(1);
        var before = store.Master.clone();
        store.Gradients.fill_(float.NaN);
        Assert.True(double.IsNaN(AdamW.Step(store, 1, Rate, Beta1, Beta2, Epsilon, Decay, 1)));
        Oracle.Same(before, store.Master);
        Assert.Throws<ArgumentOutOfRangeException>(() => AdamW.Step(store, 0, Rate, Beta1, Beta2, Epsilon, Decay, 1));
    }
}
