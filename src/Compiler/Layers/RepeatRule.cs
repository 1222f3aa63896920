using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

/// <summary>
/// A block becomes a function, and its repetition one node, which says how many sets of parameters there are if it is fewer than layers.
/// Where patterns of <c>precision</c> single out layers, each run of layers that they treat alike becomes a function and a node.
/// </summary>
public sealed class RepeatRule : LayerRule<RepeatLayer>
{
    protected override string Build(LayerScope scope, RepeatLayer layer, string name, string x)
    {
        var model = scope.Function.Model;
        foreach (var (part, count) in Runs(model.Spec, layer, name))
        {
            var block = new FunctionBuilder(model, part);
            var input = block.Input("x", null, scope.Function.Width(x));
            model.Add(block.Build(scope.BuildFunction(block, layer.Layers, "layers", input)));
            var attributes = Attributes.Of(("block", part), ("times", count));
            if (SharesParameters(layer)) attributes = attributes.With("sets", layer.Share!.Groups);
            x = scope.Function.Node("repeat", part, scope.Function.Width(x), attributes, [x]);
        }
        return model.Hidden = x;
    }

    /// <summary>
    /// Layers in a row of which every pattern says the same, by the name of their function and their number. Layers that share parameters
    /// stay one run, since those are cast once for all; so do those of which pruning removes some.
    /// </summary>
    private static IEnumerable<(string Function, int Layers)> Runs(ModelSpec spec, RepeatLayer layer, string name)
    {
        var precision = spec.Efficiency.Precision;
        var patterns = new[] { precision.Fp32, precision.Fp8 }.Select(list => list.Select(text => new LayerPattern(text)).ToList()).ToList();
        string Said(string at) => string.Join("|", patterns.Select(list => string.Join(" ", list.Select(p => p.Under(at)).OfType<string>().Distinct().Select(what => "." + what))));

        var said = Enumerable.Range(0, layer.Times).Select(i => Said(BlockNames.Layer(name, i))).ToList();
        var all = Said(name + ".*");
        if (SharesParameters(layer) || spec.Efficiency.Pruning?.To?.Layers is not null || said.All(text => text == all))
        {
            yield return (name, layer.Times);
            yield break;
        }
        for (int first = 0, end; first < said.Count; first = end)
        {
            for (end = first + 1; end < said.Count && said[end] == said[first];) end++;
            yield return (BlockNames.Part(name, first, end - first), end - first);
        }
    }

    private static bool SharesParameters(RepeatLayer layer) => layer.Share is { } share && share.Groups < layer.Times;
}
