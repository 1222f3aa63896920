using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Emit;

/// <summary>Which samples a model is trained on and in which order: the declarations with every default, and what they call by name.</summary>
public static class DataSettings
{
    internal static void Write(SourceWriter writer, CompiledModel model)
    {
        var (curriculum, subset) = (CurriculumSpec.Resolve(model.Spec), SubsetSpec.Resolve(model.Spec));
        if (curriculum is not null) writer.Line($"Curriculum = {RecordLiteral.Of(curriculum)},");
        if (subset is not null) writer.Line($"Subset = {RecordLiteral.Of(subset)},");
        foreach (var method in model.Methods) writer.Line($"{method.Kind} = {method.Name},");
        if (model.ScoringModel is { } scoring) writer.Line($"ScoringModel = device => {scoring}.Create(device, seed: 0),");
    }

    /// <summary>The name of the model that is to judge samples; null for none.</summary>
    public static string? ScoringModel(ModelSpec spec) => spec.Training.Subset?.Holdout ?? spec.Training.Curriculum?.Model;
}
