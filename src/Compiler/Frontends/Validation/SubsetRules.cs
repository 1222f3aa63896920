using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>The subset against the curriculum and the steps of training.</summary>
internal static class SubsetRules
{
    private const string Path = "training.subset";

    public static IEnumerable<Diagnostic> Check(ModelSpec model)
    {
        if (SubsetSpec.Resolve(model) is not { } subset) yield break;

        if (subset is { Method: SubsetMethod.RhoLoss, Holdout: null })
            yield return DiagnosticCatalog.ScoringModel.At(Path, "rho-loss compares with the loss of a model trained on other text; name it, e.g. 'holdout: SmallLm'");

        if (subset.Method == SubsetMethod.El2n && subset.After >= model.Training.Steps)
            yield return DiagnosticCatalog.SubsetAfter.At(Path + ".after",
                $"samples are to be scored after {subset.After} steps, but the training has {model.Training.Steps}; write fewer, e.g. 'after: {Math.Max(1, model.Training.Steps / 10)}'");

        if (PrecisionProblem(model, subset) is { } problem)
            yield return DiagnosticCatalog.SubsetPrecision.At(Path + ".precision", problem + "; remove 'precision'");

        if (model.Training.Curriculum is { Metric: not DifficultyMetric.Length })
            yield return DiagnosticCatalog.SubsetAndCurriculum.At(Path,
                "the curriculum orders the samples that the subset is to choose from; remove one of them, or write 'metric: length' in the curriculum");
    }

    /// <summary>Why samples cannot be scored in the precision that the subset declares; null if they can.</summary>
    private static string? PrecisionProblem(ModelSpec model, SubsetSpec subset) =>
        !SubsetSpec.ScoresApart(model) ? null
        : subset.Precision == Precision.Fp32 ? $"scores need no more precision than training, which computes in {KebabCase.Of(model.Efficiency.Precision.Compute.ToString())}"
        : model.Efficiency.Adapt is not null ? "adapters and the frozen weights under them are scored as they are trained"
        : model.Efficiency.Quantization is { Method: RoundingMethod.Qat } ? "weights that training rounds are scored as they are trained"
        : null;
}
