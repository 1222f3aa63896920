using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

/// <summary>Two branches over the same input, joined by an op.</summary>
public abstract class TwoBranchRule<TLayer>(string op) : LayerRule<TLayer>
    where TLayer : TwoBranchLayer
{
    protected override string Build(LayerScope scope, TLayer layer, string name, string x)
    {
        var left = scope.BuildBranch(layer.Left, "left", x);
        var right = scope.BuildBranch(layer.Right, "right", x);
        return scope.Function.Node(op, name, scope.Function.Width(left), Attributes.None, [left, right]);
    }
}
