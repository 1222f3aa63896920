using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Distillation;

/// <summary>What the project has under the name of a teacher.</summary>
/// <param name="Spec">The teacher's declaration; null where there is none.</param>
/// <param name="Others">The names that the project has instead; empty where there is one.</param>
public sealed record TeacherChoice(ModelSpec? Spec, EquatableArray<string> Others)
{
    /// <summary>Null for a model without teacher.</summary>
    public static TeacherChoice? Of(ModelSpec student, IEnumerable<ModelSpec> models)
    {
        if (student.Training.Distillation is not { } distillation) return null;
        var others = models.Where(model => model.Model != student.Model).ToList();
        return others.FirstOrDefault(model => model.Model == distillation.Teacher) is { } teacher
            ? new(teacher, default)
            : new(null, others.Select(model => model.Model).ToEquatableArray());
    }
}
