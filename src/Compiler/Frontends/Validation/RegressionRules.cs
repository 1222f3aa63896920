using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>A model of numbers: its first layer, no layers of tokens, and tasks to learn from.</summary>
internal static class RegressionRules
{
    private const string Path = "training.objective.kind";

    public static IEnumerable<Diagnostic> Check(ModelSpec model)
    {
        var architecture = model.Architecture;
        if (architecture.Family is not null)
            yield return DiagnosticCatalog.RegressionLayers.At("architecture.family",
                "a family predicts tokens; write the layers as 'blocks', beginning with '- numbers: 1', or another objective");
        else if (architecture.Blocks.Count > 0 && architecture.Blocks[0] is not NumbersLayer)
            yield return DiagnosticCatalog.RegressionLayers.At("architecture.blocks[0]", "a regression reads numbers; begin the blocks with '- numbers: 1'");

        foreach (var (layer, path) in LayerLists.All(architecture.Blocks, "architecture.blocks"))
            if (layer is HeadLayer or ClassifierLayer)
                yield return DiagnosticCatalog.RegressionLayers.At(path, "a regression predicts numbers; end the blocks with e.g. '- linear: 1'");

        if (architecture.Vocabulary > 0)
            yield return DiagnosticCatalog.NoEffect.At("architecture.vocabulary", "'vocabulary' has no effect: a regression has no tokens; remove it");

        if (model.Training.Meta is null)
            yield return DiagnosticCatalog.RegressionData.At(Path, "there is no source of numbers but the tasks of meta-learning; add 'meta' to training, e.g. 'meta: { method: maml, by: method }'");
        else if (model.Training.Meta.By != TaskKind.Method)
            yield return DiagnosticCatalog.RegressionData.At("training.meta.by", "tasks of numbers come from a method of the class; write 'by: method' and mark it with [Tasks]");
    }
}
