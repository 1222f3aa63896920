using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends.Shapes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>The curriculum's ends against each other, the context and the steps of training.</summary>
internal static class CurriculumRules
{
    private const string Path = "training.curriculum";

    // Each length is a step of its own in the generated code.
    private const int MostLengths = 16;

    public static IEnumerable<Diagnostic> Check(ModelSpec model)
    {
        if (CurriculumSpec.Resolve(model) is not { } curriculum) return [];
        var ends = curriculum.Metric == DifficultyMetric.Length ? CheckLengths(model, curriculum) : CheckShares(curriculum);
        return ends.Concat(CheckSteps(model, curriculum)).Concat(CheckModel(curriculum));
    }

    private static IEnumerable<Diagnostic> CheckLengths(ModelSpec model, CurriculumSpec curriculum)
    {
        var context = model.Architecture.Context;
        var (from, to) = (curriculum.From!.Value, curriculum.To!.Value);
        Diagnostic? wrong =
            from != Math.Floor(from) || from < 1 ? Range("from", $"a sequence of {KeyShape.Write(from)} tokens cannot be; write a whole number below the context of {context}")
            : to != Math.Floor(to) ? Range("to", $"a sequence of {KeyShape.Write(to)} tokens cannot be; write a whole number of at most the context of {context}")
            : to > context ? Range("to", $"the curriculum ends at {KeyShape.Write(to)} tokens, but the context has {context}; write 'to: {context}' or a longer context")
            : from > to ? Range("from", $"the curriculum begins at {KeyShape.Write(from)} tokens and ends at {KeyShape.Write(to)}; begin with fewer")
            : null;
        if (wrong is not null)
        {
            yield return wrong;
        }
        else if ((to - from) / curriculum.Multiple!.Value > MostLengths)
        {
            var multiple = (int)Math.Ceiling((to - from) / (MostLengths / 2));
            yield return DiagnosticCatalog.CurriculumLengths.At(Path,
                $"from {KeyShape.Write(from)} to {KeyShape.Write(to)} by {curriculum.Multiple} there are more than {MostLengths} lengths; write 'multiple: {multiple}'");
        }
    }

    private static IEnumerable<Diagnostic> CheckShares(CurriculumSpec curriculum)
    {
        var (from, to) = (curriculum.From!.Value, curriculum.To!.Value);
        if (to > 1)
            yield return Range("to", $"{KeyShape.Write(to)} is no share of the samples; write a number up to 1");
        else if (from > to)
            yield return Range("from", $"the curriculum begins with the share {KeyShape.Write(from)} of the samples and ends with {KeyShape.Write(to)}; begin with less");
    }

    private static IEnumerable<Diagnostic> CheckSteps(ModelSpec model, CurriculumSpec curriculum)
    {
        var steps = model.Training.Steps;
        if (curriculum.Steps > steps)
            yield return DiagnosticCatalog.CurriculumSteps.At(Path + ".steps",
                $"a curriculum of {curriculum.Steps} steps is longer than the {steps} steps of the training; write 'steps: {Math.Max(1, steps / 3)}' or more steps in training");
    }

    private static IEnumerable<Diagnostic> CheckModel(CurriculumSpec curriculum)
    {
        if (curriculum is { Metric: DifficultyMetric.Loss, Model: null })
            yield return DiagnosticCatalog.ScoringModel.At(Path, "'metric: loss' is the loss under another model; name it, e.g. 'model: SmallLm'");
    }

    private static Diagnostic Range(string key, string message) => DiagnosticCatalog.CurriculumRange.At($"{Path}.{key}", message);
}
