using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

public sealed class HeadRule : LayerRule<HeadLayer>
{
    protected override string Build(LayerScope scope, HeadLayer layer, string name, string x)
    {
        var (f, model) = (scope.Function, scope.Function.Model);
        model.Hidden ??= x;
        var y = f.Linear(name, x, model.Vocabulary, layer.Bias, ModelContext.Deviation);
        if (layer.TieEmbeddings) f.Share(name + ".weight", EmbeddingWeight(model.Spec));
        if (layer.Softcap is { } cap) y = f.Node("softcap", name + ".softcap", model.Vocabulary, Attributes.Of(("cap", cap)), [y]);
        return model.Logits = y;
    }

    private static string EmbeddingWeight(ModelSpec spec)
    {
        var embedding = spec.Architecture.Blocks.OfType<EmbeddingLayer>().FirstOrDefault();
        return (embedding?.Name ?? "embedding") + ".weight";
    }
}
