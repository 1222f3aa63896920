using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

public sealed class EmbeddingRule : LayerRule<EmbeddingLayer>
{
    protected override string Build(LayerScope scope, EmbeddingLayer layer, string name, string x)
    {
        var (f, model) = (scope.Function, scope.Function.Model);
        var init = new Init(InitKind.Normal, ModelContext.Deviation);
        var weight = f.Parameter(name + ".weight", init, model.Vocabulary, model.Width);
        var y = f.Node("embedding", name, model.Width, Attributes.Of(("rows", model.Vocabulary.Value)), [x, weight]);
        if (layer.Position != PositionKind.Learned) return y;
        var positions = f.Parameter(name + ".position.weight", init, model.Sequence, model.Width);
        return f.Node("add_position", name + ".position", model.Width, Attributes.Of(("rows", model.Sequence.Value)), [y, positions]);
    }
}
