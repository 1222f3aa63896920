using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

public sealed class MultiplyRule : LayerRule<MultiplyLayer>
{
    protected override string Build(LayerScope scope, MultiplyLayer layer, string name, string x)
    {
        var left = scope.BuildBranch(layer.Left, "left", x);
        var right = scope.BuildBranch(layer.Right, "right", x);
        return scope.Function.Node("multiply", name, scope.Function.Width(left), Attributes.None, [left, right]);
    }
}
