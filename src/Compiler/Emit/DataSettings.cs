using ModelCompiler.Compiler.Emit.Training;
using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit;

/// <summary>Which samples a model is trained on and in which order: the declarations with every default, and what they call by name.</summary>
public static class DataSettings
{
    internal static void Write(SourceWriter writer, CompiledModel model)
    {
        Objective(writer, model.Spec);
        var (curriculum, subset) = (CurriculumSpec.Resolve(model.Spec), SubsetSpec.Resolve(model.Spec));
        if (curriculum is not null) writer.Line($"Curriculum = {RecordLiteral.Of(curriculum)},");
        if (subset is not null) writer.Line($"Subset = {RecordLiteral.Of(subset)},");
        if (MetaSpec.Resolve(model.Spec) is { } meta) writer.Line($"Meta = {RecordLiteral.Of(meta)},");
        if (MetaEmitter.Widths(model) is var (read, predicted) && read > 0) writer.Line($"Numbers = ({Number(read)}, {Number(predicted)}),");
        foreach (var method in model.Methods) writer.Line($"{method.Kind} = {method.Name},");
        if (model.ScoringModel is { } scoring) writer.Line($"ScoringModel = device => {scoring}.Create(device, seed: 0),");
    }

    private static void Objective(SourceWriter writer, ModelSpec spec)
    {
        var objective = ObjectiveSpec.Resolve(spec);
        if (objective.Kind == ObjectiveKind.Causal) return;
        if (objective.Kind == ObjectiveKind.Regression)
        {
            writer.Line($"Objective = {RecordLiteral.Of(objective)},");
            return;
        }
        var special = SpecialTokensSpec.Resolve(spec.Architecture);
        writer.Lines(
            $"Objective = {RecordLiteral.Of(objective)},",
            $"SpecialTokens = new SpecialTokens(Pad: {Number(special.Pad!.Value)}, Cls: {Number(special.Cls!.Value)}, Sep: {Number(special.Sep!.Value)}, Mask: {Number(special.Mask!.Value)}),");
        if (objective.Kind != ObjectiveKind.Classification) return;
        writer.Lines(
            $"Label = {Text(spec.Training.Data.Label)},",
            $"Classes = {Number(FamilyLayers.Of(spec).OfType<ClassifierLayer>().Single().Classes)},");
    }

    /// <summary>The name of the model that is to judge samples; null for none.</summary>
    public static string? ScoringModel(ModelSpec spec) => spec.Training.Subset?.Holdout ?? spec.Training.Curriculum?.Model;
}
