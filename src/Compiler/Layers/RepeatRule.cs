using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

/// <summary>A block becomes a function, and its repetition one node, which says how many sets of parameters there are if it is fewer than layers.</summary>
public sealed class RepeatRule : LayerRule<RepeatLayer>
{
    protected override string Build(LayerScope scope, RepeatLayer layer, string name, string x)
    {
        var model = scope.Function.Model;
        var block = new FunctionBuilder(model, name);
        var input = block.Input("x", null, scope.Function.Width(x));
        model.Add(block.Build(scope.BuildFunction(block, layer.Layers, "layers", input)));
        var attributes = Attributes.Of(("block", name), ("times", layer.Times));
        if (layer.Share is { } share && share.Groups < layer.Times) attributes = attributes.With("sets", share.Groups);
        return model.Hidden = scope.Function.Node("repeat", name, scope.Function.Width(x), attributes, [x]);
    }
}
