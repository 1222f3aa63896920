using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

public sealed class ResidualRule : LayerRule<ResidualLayer>
{
    protected override string Build(LayerScope scope, ResidualLayer layer, string name, string x)
    {
        var branch = scope.BuildBranch(layer.Layers, "layers", x);
        return scope.Function.Node("add", name, scope.Function.Width(x), Attributes.None, [x, branch]);
    }
}
