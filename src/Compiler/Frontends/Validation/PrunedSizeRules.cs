using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Layers;
using ModelCompiler.Compiler.Pruning;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>The sizes of a pruned model against those that the model has, and the parts against the layers that they are of.</summary>
internal static class PrunedSizeRules
{
    private const string Path = "efficiency.pruning.to";

    public static IEnumerable<Diagnostic> Check(PruningSpec pruning, ModelSpec model)
    {
        var a = model.Architecture;
        if (pruning.To is not { } to || !FamilyLayers.Knows(a) || (a.Family is null && a.Blocks.Count == 0)) yield break;
        if (to == new PrunedSizesSpec())
        {
            yield return DiagnosticCatalog.PruningSizes.At(Path, "'to' names no size; write e.g. 'heads', 'hidden', 'layers' or 'width'");
            yield break;
        }
        if (PruningRules.HasMemory(model))
        {
            yield return DiagnosticCatalog.PruningParts.At(Path, "parts of a model with a memory of earlier segments cannot be removed; prune single weights, e.g. 'sparsity: 0.5'");
            yield break;
        }
        var layers = LayerLists.All(FamilyLayers.Of(model), "").Select(entry => entry.Layer).ToList();
        foreach (var diagnostic in Heads(to, [.. layers.OfType<AttentionLayer>()])
            .Concat(Hidden(to, layers, a.Width)).Concat(Layers(to, a, layers)).Concat(Width(to, a, layers)).Concat(Groups(to, model.Efficiency.Quantization)))
            yield return diagnostic;
    }

    private static IEnumerable<Diagnostic> Heads(PrunedSizesSpec to, List<AttentionLayer> attentions)
    {
        if (to.Heads is not { } heads) yield break;
        if (attentions.Any(other => other.Heads != attentions[0].Heads || other.KvHeads != attentions[0].KvHeads))
            yield return DiagnosticCatalog.PruningParts.At(Path + ".heads", "the attention layers have different numbers of heads; give them the same, or remove 'heads'");
        foreach (var attention in attentions.Take(1))
        {
            var group = attention.Heads / Math.Max(1, attention.KvHeads ?? attention.Heads);
            if (heads >= attention.Heads)
                yield return DiagnosticCatalog.PruningSizes.At(Path + ".heads", $"{heads} heads are not fewer than the {attention.Heads} that there are; write a smaller number");
            else if (group > 1 && heads % group != 0)
                yield return DiagnosticCatalog.PruningSizes.At(Path + ".heads",
                    $"{group} heads share their keys and values and are removed together; write a multiple of {group}, e.g. {Math.Max(group, heads / group * group)}");
        }
        if (attentions.Count == 0) yield return DiagnosticCatalog.PruningSizes.At(Path + ".heads", "the model has no attention; remove 'heads'");
    }

    private static IEnumerable<Diagnostic> Hidden(PrunedSizesSpec to, List<LayerSpec> layers, int width)
    {
        if (to.Hidden is not { } hidden) yield break;
        if (layers.OfType<ExpertsLayer>().Any())
            yield return DiagnosticCatalog.PruningParts.At(Path + ".hidden", "neurons of experts cannot be removed; prune their single weights, e.g. 'sparsity: 0.5'");
        var least = layers.OfType<MlpLayer>().Select(mlp => mlp.Hidden ?? MlpRule.DefaultHidden(mlp.Kind, width)).DefaultIfEmpty(long.MaxValue).Min();
        if (hidden >= least)
            yield return DiagnosticCatalog.PruningSizes.At(Path + ".hidden", $"{hidden} neurons are not fewer than the {least} that there are; write a smaller number");
        if (!layers.Any(layer => layer is MlpLayer or ExpertsLayer)) yield return DiagnosticCatalog.PruningSizes.At(Path + ".hidden", "the model has no 'mlp'; remove 'hidden'");
    }

    private static IEnumerable<Diagnostic> Layers(PrunedSizesSpec to, ArchitectureSpec a, List<LayerSpec> layers)
    {
        if (to.Layers is not { } kept) yield break;
        var every = PrunedStructures.LayersOfGroup(a);
        var repeats = layers.OfType<RepeatLayer>().ToList();
        if (repeats.Count != 1)
            yield return DiagnosticCatalog.PruningParts.At(Path + ".layers", $"the model has {repeats.Count} repeated blocks, of which none is meant; remove 'layers'");
        else if (repeats[0].Share is { } share && share.Groups < repeats[0].Times)
            yield return DiagnosticCatalog.PruningParts.At(Path + ".layers", "layers share their parameters, so none can be removed alone; remove 'layers', or 'share'");
        else if (kept >= repeats[0].Times * every)
            yield return DiagnosticCatalog.PruningSizes.At(Path + ".layers", $"{kept} layers are not fewer than the {repeats[0].Times * every} that there are; write a smaller number");
        else if (kept % every != 0)
            yield return DiagnosticCatalog.PruningSizes.At(Path + ".layers",
                $"local and global layers take turns in groups of {every} ('global-every') that are removed together; write a multiple of {every}, e.g. {Math.Max(every, kept / every * every)}");
        else if (repeats[0].Layers.Any(layer => layer is not ResidualLayer))
            yield return DiagnosticCatalog.PruningParts.At(Path + ".layers",
                "a block without its parameters is to pass its input on, and this one has layers beside its residuals, such as a norm after the sum; remove 'layers'");
    }

    private static IEnumerable<Diagnostic> Width(PrunedSizesSpec to, ArchitectureSpec a, List<LayerSpec> layers)
    {
        if (to.Width is not { } width) yield break;
        if (width >= a.Width)
            yield return DiagnosticCatalog.PruningSizes.At(Path + ".width", $"a width of {width} is not less than the {a.Width} that there is; write a smaller number");
        if (layers.OfType<NormLayer>().Any(norm => norm.Kind == NormKind.Layer))
            yield return DiagnosticCatalog.PruningParts.At(Path + ".width",
                "layer norms subtract a mean that removed channels are part of, so a narrower model would be another one; write 'norm: rms', or remove 'width'");
        if (layers.Any(layer => layer is EmbeddingLayer { Scale: true }))
            yield return DiagnosticCatalog.PruningParts.At(Path + ".width",
                "embeddings are multiplied by the root of the width, so a narrower model would scale them by less; remove 'width', or the scale");
        if (layers.Any(layer => layer is ConvolutionLayer or ClassifierLayer or LatentAttentionLayer or EmbeddingLayer { Width: not null } || (layer is LinearLayer linear && linear.Out == a.Width)))
            yield return DiagnosticCatalog.PruningParts.At(Path + ".width", "the model has layers whose channels cannot be told from the residual stream's; remove 'width'");
    }

    private static IEnumerable<Diagnostic> Groups(PrunedSizesSpec to, QuantizationSpec? quantization)
    {
        if (quantization is not { Weights: WeightType.Int4 }) yield break;
        foreach (var (key, size) in new[] { ("hidden", to.Hidden), ("width", to.Width) })
            if (size % quantization.Group is > 0)
                yield return DiagnosticCatalog.PruningGroup.At($"{Path}.{key}",
                    $"groups of {quantization.Group} do not divide {size}: the last of each row is filled up with zeros; write e.g. {(size + quantization.Group - 1) / quantization.Group * quantization.Group}");
    }
}
