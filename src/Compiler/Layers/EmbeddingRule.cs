using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

public sealed class EmbeddingRule : LayerRule<EmbeddingLayer>
{
    protected override string Build(LayerScope scope, EmbeddingLayer layer, string name, string x)
    {
        var (f, model) = (scope.Function, scope.Function.Model);
        var init = new Init(InitKind.Normal, ModelContext.Deviation);
        var width = model.Dim(layer.Width ?? model.Width.Value);
        string Rows(string of, string ids, Dim rows) =>
            f.Node("embedding", of, width, Attributes.Of(("rows", rows.Value)), [ids, f.Parameter(of + ".weight", init, rows, width)]);

        var y = Rows(name, x, model.Vocabulary);
        if (layer.Scale) y = f.Node("scale", name + ".scaled", width, Attributes.Of(("factor", Math.Sqrt(width.Value))), [y]);
        if (layer.TokenTypes is { } types)
        {
            var parts = Rows(name + ".types", GraphBuilder.Types, Dim.Of(types));
            y = f.Node("add", name + ".typed", width, Attributes.None, [y, parts]);
        }
        if (layer.Position != PositionKind.Learned) return y;
        var positions = f.Parameter(name + ".position.weight", init, model.Sequence, width);
        return f.Node("add_position", name + ".position", width, Attributes.Of(("rows", model.Sequence.Value)), [y, positions]);
    }
}
