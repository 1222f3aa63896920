using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

public sealed class DropoutRule : LayerRule<DropoutLayer>
{
    protected override string Build(LayerScope scope, DropoutLayer layer, string name, string x)
    {
        if (layer.Rate == 0) return x;
        var attributes = Attributes.Of(("rate", layer.Rate), ("site", scope.Function.Model.NextDropoutSite()));
        return scope.Function.Node("dropout", name, scope.Function.Width(x), attributes, [x], "mask");
    }
}
