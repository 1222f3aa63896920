using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>Distillation against the other directives of the student; the teacher is compared where it is known.</summary>
internal static class DistillationRules
{
    private const string Path = "training.distillation";

    public static IEnumerable<Diagnostic> Check(ModelSpec model)
    {
        if (model.Training.Distillation is not { } distillation) yield break;

        var objective = ObjectiveSpec.Resolve(model).Kind;
        if (objective is ObjectiveKind.Classification or ObjectiveKind.MaskedWithOrder)
            yield return Conflict(Path, $"the objective '{KebabCase.Of(objective.ToString())}' has no teacher; distil a causal or a masked model");
        if (model.Training.Subset?.Method == SubsetMethod.El2n && !SubsetSpec.ScoresApart(model))
            yield return Conflict(Path, "'subset: el2n' scores samples by all their logits, which distillation never holds at once; choose another subset, or a 'precision' of its own for the scores");
        if (model.Architecture.LogitSoftcap is not null || model.Architecture.Blocks.OfType<HeadLayer>().Any(head => head.Softcap is not null))
            yield return Conflict(Path, "the student's logits are capped, but its loss takes head and divergence together; remove the softcap of the head (the teacher may have one)");
        foreach (var problem in CheckParts(model, distillation)) yield return problem;
    }

    /// <summary>What stands in the way of a part of the directive.</summary>
    private static IEnumerable<Diagnostic> CheckParts(ModelSpec model, DistillationSpec distillation)
    {
        var layers = distillation.Hidden is not null ? "hidden" : distillation.Relations is not null ? "relations" : null;
        var lengths = model.Training.Curriculum is { Metric: DifficultyMetric.Length };
        if (layers is not null && model.Efficiency.TokenDrop is not null)
            yield return Conflict($"{Path}.{layers}", $"'token-drop' leaves out positions that '{layers}' compares; remove one of them");
        if (layers is null && distillation.Layers.Count > 0)
            yield return Conflict(Path + ".layers", "no layers are compared; add 'hidden' or 'relations', or remove 'layers'");
        if (distillation.Cache is not null)
        {
            if (layers is not null) yield return Conflict(Path + ".cache", $"the cache holds predictions, and '{layers}' compares layers; remove one of them");
            if (distillation.OnPolicy is not null) yield return Conflict(Path + ".cache", "what the student writes is not known beforehand; remove 'cache' or 'on-policy'");
            if (model.Training.Subset is not null) yield return Conflict(Path + ".cache", "which samples a subset chooses is not known beforehand; remove 'cache' or 'subset'");
            if (lengths) yield return Conflict(Path + ".cache", "the cache holds sequences of one length; remove 'cache', or the curriculum over length");
        }
        if (distillation.OnPolicy is { } policy)
        {
            if (ObjectiveSpec.Resolve(model).Kind != ObjectiveKind.Causal) yield return Conflict(Path + ".on-policy", "only a causal model writes; remove 'on-policy'");
            if (distillation.Weight < 1) yield return Conflict(Path + ".on-policy", "what the student writes is no text to learn to predict; write 'weight: 1', so that only the teacher counts");
            if (model.Training.Subset is not null) yield return Conflict(Path + ".on-policy", "a subset learns from the losses of its own samples; remove 'subset' or 'on-policy'");
            if (model.Architecture.Family == Family.TransformerXl || LayerLists.All(model.Architecture.Blocks, "").Any(entry => entry.Layer is RelativeAttentionLayer))
                yield return Conflict(Path + ".on-policy", "the layers remember the text before each batch, which is then not what the student wrote; remove 'on-policy'");
            if (policy.Prompt > model.Architecture.Context) yield return Conflict(Path + ".on-policy.prompt", $"a prompt of {policy.Prompt} tokens is longer than the context of {model.Architecture.Context}; write fewer");
        }
    }

    private static Diagnostic Conflict(string path, string message) => DiagnosticCatalog.DistillationConflict.At(path, message);
}
