using ModelCompiler.Runtime.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

public sealed class ParameterStoreTests
{
    internal static readonly ParameterInfo[] Layout =
    [
        new("a.weight", [300, 5], 0, true, ParameterInit.Normal(0.02)),
        new("b.weight", [2, 5], 1504, true, ParameterInit.Normal(0.5)),
        new("a.bias", [5], 1520, false, ParameterInit.Zeros),
        new("norm.weight", [3], 1536, false, ParameterInit.Ones),
    ];

    [Fact]
    public void FirstValuesFollowTheirInitializationAndRepeatWithTheSeed()
    {
        using var store = new ParameterStore(CPU, Layout, ScalarType.Float32);
        using var again = new ParameterStore(CPU, [.. Layout.Skip(1).Take(1)], ScalarType.Float32);
        store.Initialize(3);
        again.Initialize(3);
        var values = store.Parameters().ToDictionary(pair => pair.Name, pair => pair.Value);
        Assert.InRange(values["a.weight"].std().item<float>(), 0.019f, 0.021f);
        Assert.InRange(values["a.weight"].mean().item<float>(), -0.0015f, 0.0015f);
        Assert.Equal(0, values["a.bias"].abs().max().item<float>());
        Assert.Equal(3, values["norm.weight"].sum().item<float>());
        Assert.Equal(1518, store.ParameterCount);
        Assert.Equal(1539, store.Length);
        Assert.Equal(1514, store.MatrixLength);
        // A parameter's values do not depend on what else there is.
        Oracle.Same(values["b.weight"], again.Parameters().Single().Value);
        store.Initialize(4);
        Assert.False(values["b.weight"].allclose(again.Parameters().Single().Value));
    }

    [Fact]
    public void TheComputeCopyFollowsTheMasters()
    {
        using var store = new ParameterStore(CPU, Layout, ScalarType.BFloat16);
        store.Initialize(1);
        var (weight, master) = (store.Weight(0, 300, 5), store.MasterView(0, 300, 5));
        Assert.Equal(ScalarType.BFloat16, weight.dtype);
        Oracle.Same(master.to(ScalarType.BFloat16), weight);
        master.fill_(2);
        store.CastCompute();
        Assert.Equal(2f, weight[299, 4].to(ScalarType.Float32).item<float>());
        store.GradientView(1520, 5).fill_(1);
        Assert.Equal(5, store.Gradients.sum().item<float>());
    }

    [Fact]
    public void InFp32TheMastersAreTheWeights()
    {
        using var store = new ParameterStore(CPU, Layout, ScalarType.Float32);
        store.Weight(1536, 3).fill_(7);
        Assert.Equal(21, store.MasterView(1536, 3).sum().item<float>());
    }

    [Fact]
    public void LayoutsThatCannotBeAreRefused()
    {
        Refused("two parameters", Layout[0], Layout[0] with { Offset = 5000 });
        Refused("overlaps", Layout[0], Layout[1] with { Offset = 1499 });
        Refused("decays but lies after 'a.bias'", Layout[2], Layout[0] with { Offset = 5000 });
        using var store = new ParameterStore(CPU, Layout, ScalarType.Float32);
        Assert.Throws<ArgumentException>(() => store.Weight(1530, 10));

        static void Refused(string message, params ParameterInfo[] layout) => Assert.Contains(
            message, Assert.Throws<ArgumentException>(() => new ParameterStore(CPU, layout, ScalarType.Float32)).Message, StringComparison.OrdinalIgnoreCase);
    }
}
