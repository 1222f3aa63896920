using ModelCompiler.Compiler.Frontends.Shapes;
using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit;

/// <summary>Which samples a model is trained on and in which order: the declarations with every default, and what they call by name.</summary>
public static class DataSettings
{
    internal static void Write(SourceWriter writer, CompiledModel model)
    {
        var (curriculum, subset) = (CurriculumSpec.Resolve(model.Spec), SubsetSpec.Resolve(model.Spec));
        if (curriculum is not null) writer.Line($"Curriculum = {Literal(curriculum)},");
        if (subset is not null) writer.Line($"Subset = {Literal(subset)},");
        foreach (var method in model.Methods) writer.Line($"{method.Kind} = {method.Name},");
        if (model.ScoringModel is { } scoring) writer.Line($"ScoringModel = device => {scoring}.Create(device, seed: 0),");
    }

    /// <summary>The name of the model that is to judge samples; null for none.</summary>
    public static string? ScoringModel(ModelSpec spec) => spec.Training.Subset?.Holdout ?? spec.Training.Curriculum?.Model;

    /// <summary>The record as a C# expression, with the keys that have an effect.</summary>
    private static string Literal(object record)
    {
        var shape = RecordShape.Of(record.GetType());
        var values = shape.Keys
            .Where(key => key.OnlyWith is not { } condition || condition.Values.Contains(shape.Find(condition.Key)!.Get(record)))
            .Select(key => (key.PropertyName, Value: key.Get(record)))
            .Where(pair => pair.Value is not null)
            .Select(pair => $"{pair.PropertyName} = {Value(pair.Value!)}");
        return $"new {record.GetType().Name} {{ {string.Join(", ", values)} }}";
    }

    private static string Value(object value) => value switch
    {
        string text => Text(text),
        int number => Number(number),
        double number => Number(number),
        _ => $"{value.GetType().Name}.{value}",
    };
}
