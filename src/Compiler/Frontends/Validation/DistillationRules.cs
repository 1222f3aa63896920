using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>Distillation against the other directives of the student; the teacher is compared where it is known.</summary>
internal static class DistillationRules
{
    private const string Path = "training.distillation";

    public static IEnumerable<Diagnostic> Check(ModelSpec model)
    {
        if (model.Training.Distillation is null) yield break;

        var objective = ObjectiveSpec.Resolve(model).Kind;
        if (objective is ObjectiveKind.Classification or ObjectiveKind.MaskedWithOrder)
            yield return Conflict(Path, $"the objective '{KebabCase.Of(objective.ToString())}' has no teacher; distil a causal or a masked model");
        if (model.Training.Subset?.Method == SubsetMethod.El2n)
            yield return Conflict(Path, "'subset: el2n' scores samples by all their logits, which distillation never holds at once; choose another subset");
        if (model.Architecture.LogitSoftcap is not null || model.Architecture.Blocks.OfType<HeadLayer>().Any(head => head.Softcap is not null))
            yield return Conflict(Path, "the student's logits are capped, but its loss takes head and divergence together; remove the softcap of the head (the teacher may have one)");
    }

    private static Diagnostic Conflict(string path, string message) => DiagnosticCatalog.DistillationConflict.At(path, message);
}
