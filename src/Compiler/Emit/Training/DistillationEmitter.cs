using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Training;

/// <summary>What a teacher adds to the training program and its steps. Nothing without.</summary>
internal static class DistillationEmitter
{
    public static bool Applies(EmitContext context) => context.Model.Teacher is not null;

    private static bool IsCached(EmitContext context) => context.Model.Teacher?.IsCached == true;

    /// <summary>Where the kinds of divergence are.</summary>
    public static IEnumerable<string> Usings(EmitContext context) => Applies(context) ? ["ModelCompiler.ModelDsl"] : [];

    /// <summary>Before the steps.</summary>
    public static void Construct(SourceWriter writer, EmitContext context)
    {
        if (Applies(context)) writer.Line($"Distillation = NewDistillation({(IsCached(context) ? "" : "Attach, ")}model);  // {context.Place("training.distillation")}");
    }

    public static void Property(SourceWriter writer, EmitContext context, Steps steps)
    {
        if (!Applies(context)) return;
        writer.Line().Line("public Distillation Distillation { get; }");
        if (IsCached(context)) return;
        writer.Line();
        if (!steps.Several && !steps.DropsTokens) writer.Line("private void Attach(ForwardWeights teacher) => _step.Attach(teacher);");
        else
            using (writer.Block("private void Attach(ForwardWeights teacher)"))
                writer.Nested("foreach (var step in _steps)", "step.Attach(teacher);");
    }

    public static void Dispose(SourceWriter writer, EmitContext context)
    {
        if (Applies(context)) writer.Line("Distillation.Dispose();");
    }

    public static void StepFields(SourceWriter writer, EmitContext context)
    {
        if (Applies(context) && !IsCached(context)) writer.Lines("private readonly Arena _arena;", "private TeacherProgram? _teacher;");
    }

    public static void StepConstruct(SourceWriter writer, EmitContext context)
    {
        if (Applies(context) && !IsCached(context)) writer.Line("_arena = arena;");
    }

    public static void StepMembers(SourceWriter writer, EmitContext context, Steps steps)
    {
        if (!Applies(context)) return;
        writer.Line().Line("private Distillation Distillation => _program.Distillation;");
        if (IsCached(context)) writer.Line().Line("private CachedPredictions Teacher => Distillation.Predictions;");
        else writer.Line().Lines(
            "private TeacherProgram Teacher => _teacher ?? throw Distillation.NoTeacher;", "",
            $"public void Attach(ForwardWeights teacher) => _teacher = new TeacherProgram(teacher, _arena{(steps.Several ? ", T" : "")});");
    }

    /// <summary>Before the student's forward pass, which overwrites the teacher's scratch.</summary>
    public static void Forward(SourceWriter writer, EmitContext context)
    {
        if (Applies(context)) writer.Line($"{(IsCached(context) ? "Teacher.Load(tokens);" : "Teacher.Forward(input);")}  // {context.Place("training.distillation.teacher")}");
    }

    /// <summary>The end of a micro-batch.</summary>
    public static void Observe(SourceWriter writer, EmitContext context, string loss, Func<string, string> field)
    {
        if (!Applies(context)) return;
        writer.Line($"Distillation.Observe(StepInput.Read({loss}), StepInput.Read({field(DistillLogits.Divergence)}));");
    }

    /// <summary>The end of a step.</summary>
    public static void Update(SourceWriter writer, EmitContext context)
    {
        if (Applies(context)) writer.Line($"Distillation.Update(StepNumber, learningRate{(LossScaleEmitter.Applies(context.Model.Spec) ? ", scale" : "")});");
    }

    /// <summary>The expression of a free input of main that is the teacher's; null for another.</summary>
    public static string? Spell(string value) => value.StartsWith(TeacherValues.Prefix, StringComparison.Ordinal)
        ? "Teacher." + Identifiers.Pascal(value.Substring(TeacherValues.Prefix.Length))
        : null;
}
