using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Layers;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>The memory of earlier segments against the other layers and the order of the training text.</summary>
internal static class MemoryRules
{
    private const string Blocks = "architecture.blocks";

    public static IEnumerable<Diagnostic> Check(ModelSpec model)
    {
        var architecture = model.Architecture;
        var layers = LayerLists.All(architecture.Blocks, Blocks)
            .Where(entry => entry.Layer is RelativeAttentionLayer).Select(entry => (Layer: (RelativeAttentionLayer)entry.Layer, entry.Path)).ToArray();
        foreach (var (layer, path) in layers.Skip(1))
        {
            if (MemoryLengths.Of(layer) != MemoryLengths.Of(layers[0].Layer))
                yield return DiagnosticCatalog.MemoryLengths.At(path,
                    $"this layer remembers {Describe(MemoryLengths.Of(layer))} and the first one {Describe(MemoryLengths.Of(layers[0].Layer))}; give them the same");
        }

        foreach (var (layer, path) in layers)
        {
            if (!LayerLists.All(architecture.Blocks, Blocks).Any(entry => entry.Layer is RepeatLayer && path.StartsWith(entry.Path + ".", StringComparison.Ordinal)))
                yield return DiagnosticCatalog.RelativeAttentionPlace.At(path, "'relative-attention' stands outside of a 'repeat'; put it into one, with 'times: 1' if need be");
        }

        if (model.Efficiency.TokenDrop is not null && (layers.Length > 0 || architecture.Family == Family.TransformerXl))
            yield return DiagnosticCatalog.RelativeAndTokenDrop.At("efficiency.token-drop",
                "the layers attend by distance to every position, also those that token-drop leaves out; remove 'token-drop', or use 'attention'");

        var memory = layers.Length > 0 ? MemoryLengths.Of(layers[0].Layer).Training
            : architecture is { Family: Family.TransformerXl, Blocks.Count: 0 } ? architecture.Memory ?? architecture.Context : 0;
        if (memory == 0) yield break;
        if (model.Training.Subset is not null)
            yield return DiagnosticCatalog.MemoryAndSubset.At("training.subset",
                "the layers remember the text before each batch, and samples that are chosen one by one have none; remove 'subset', or write 'memory: 0'");
        if (model.Training.Curriculum is { Metric: not DifficultyMetric.Length })
            yield return DiagnosticCatalog.MemoryAndCurriculum.At("training.curriculum",
                "the layers remember the text before each batch, and samples in order of difficulty have none; write 'metric: length', or 'memory: 0' in the architecture");
    }

    private static string Describe(MemoryLengths lengths) =>
        lengths.Training == lengths.Evaluation ? $"{lengths.Training} positions" : $"{lengths.Training} positions, {lengths.Evaluation} in evaluation";
}
