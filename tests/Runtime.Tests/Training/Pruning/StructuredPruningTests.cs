using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Training;
using ModelCompiler.Runtime.Training.Pruning;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Training.Pruning;

/// <summary>Which parts each importance removes, against sums in double precision.</summary>
public sealed class StructuredPruningTests : IDisposable
{
    private const int Groups = 6, Size = 3, Wide = Groups * Size, Narrow = 4, Sets = 2, Stride = (2 * Wide * Narrow) + Wide;

    private readonly DisposeScope _scope = NewDisposeScope();

    /// <summary>In each of two sets rows [18, 4], columns [4, 18] and a bias [18], all divided into six groups of three.</summary>
    private readonly ParameterStore _store = new(
        CPU, [.. Enumerable.Range(0, Sets).Select(i => new ParameterInfo($"{i}", [Stride], i * Stride, true, ParameterInit.Normal(1)))], ScalarType.Float32);

    private readonly PrunedStructure _structure = new(PrunedPartKind.Heads, "attention", Groups, Kept: 2, Choices: Sets, Axes:
    [
        new(0, Stride, Sets, Wide, Narrow),
        new(Wide * Narrow, Stride, Sets, Narrow, Wide, ByColumns: true, Site: 5),
        new(2 * Wide * Narrow, Stride, Sets, Wide, 1),
    ]);

    public StructuredPruningTests()
    {
        _store.Initialize(3);
        _store.Gradients.copy_(Oracle.Normal(4, ScalarType.Float32, _store.Length));
    }

    public void Dispose()
    {
        _store.Dispose();
        _scope.Dispose();
    }

    [Fact]
    public void By_weight()
    {
        using var method = new StructuredPruning(_store, [_structure], Importance.Weight);
        method.Choose(0.5);
        Check(method, 2, (set, group) => Members(group).Sum(i => Math.Pow(Master(set, i), 2)));
        method.Choose(1);
        Check(method, 4, (set, group) => Members(group).Sum(i => Math.Pow(Master(set, i), 2)));
        Assert.Equal(4 / 6.0, method.Sparsity, 6);
    }

    [Fact]
    public void By_the_change_of_the_loss()
    {
        using var method = new StructuredPruning(_store, [_structure], Importance.Taylor);
        var sums = new double[Sets, Groups];
        for (var step = 0; step < 3; step++)
        {
            using var gradient = Oracle.Normal(10 + step, ScalarType.Float32, _store.Length);
            _store.Gradients.copy_(gradient).mul_(8);
            method.Gather(lossScale: 8);
            for (var set = 0; set < Sets; set++)
                for (var group = 0; group < Groups; group++)
                    sums[set, group] += Math.Pow(Members(group).Sum(i => Master(set, i) * gradient[(set * Stride) + i].item<float>()), 2);
        }

        method.Choose(1);
        Check(method, 4, (set, group) => sums[set, group]);
    }

    [Fact]
    public void By_what_they_give_to_the_next_layer()
    {
        using var method = new StructuredPruning(_store, [_structure], Importance.Activation);
        using var inputs = Oracle.Normal(20, ScalarType.Float32, Sets, 40, Wide) * (Oracle.Normal(21, ScalarType.Float32, Sets, 1, Wide) + 1);
        for (var set = 0; set < Sets; set++) method.Observations!.Add(5, set, inputs[set]);
        method.Choose(1);
        Check(method, 4, (set, group) => Enumerable.Range(group * Size, Size).Sum(k => Enumerable.Range(0, 40).Sum(n => Math.Pow(inputs[set, n, k].item<float>(), 2))));
    }

    /// <summary>A layer counts by how far it turns the stream; removed, it has no parameter left.</summary>
    [Fact]
    public void Layers_by_how_far_they_turn_the_stream()
    {
        var layers = new PrunedStructure(PrunedPartKind.Layers, "blocks", Groups: Sets, Kept: 1, Choices: 1, Axes: [new(0, Stride, Sets, Wide, Narrow), new(Wide * Narrow, Stride, Sets, (Wide * Narrow) + Wide, 1)]);
        using var method = new StructuredPruning(_store, [layers], Importance.Activation);
        using var x = Oracle.Normal(30, ScalarType.Float32, 20, 8);
        method.Observations!.AddLayer(0, x, x + (Oracle.Normal(31, ScalarType.Float32, 20, 8) * 0.5));
        method.Observations!.AddLayer(1, x, x * 3 + (Oracle.Normal(32, ScalarType.Float32, 20, 8) * 0.1));
        method.Choose(1);
        Assert.Equal((0, Stride), (method.Removed.narrow(0, 0, Stride).sum().item<long>(), method.Removed.narrow(0, Stride, Stride).sum().item<long>()));
    }

    private double Master(int set, int i) => _store.Master[(set * Stride) + i].item<float>();

    /// <summary>The places of a group's parameters in its set.</summary>
    private static IEnumerable<int> Members(int group)
    {
        for (var row = group * Size; row < (group + 1) * Size; row++)
        {
            for (var column = 0; column < Narrow; column++) yield return (row * Narrow) + column;
            for (var column = 0; column < Narrow; column++) yield return (Wide * Narrow) + (column * Wide) + row;
            yield return (2 * Wide * Narrow) + row;
        }
    }

    private static void Check(PruningRule method, int count, Func<int, int, double> importance)
    {
        for (var set = 0; set < Sets; set++)
        {
            var gone = Enumerable.Range(0, Groups).OrderBy(group => importance(set, group)).Take(count).SelectMany(Members).ToHashSet();
            Assert.Equal(Enumerable.Range(0, Stride).Select(gone.Contains), method.Removed.narrow(0, set * Stride, Stride).data<bool>());
        }
    }
}
