using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Training;

/// <summary>What <c>training.ema</c> adds to the program: the average, and its update at each step. Nothing without the directive.</summary>
internal static class WeightAverageEmitter
{
    public static bool Applies(EmitContext context) => Spec(context) is not null;

    public static void Field(SourceWriter writer, EmitContext context)
    {
        if (Applies(context)) writer.Line("private readonly WeightAverage _average;");
    }

    public static void Construct(SourceWriter writer, EmitContext context)
    {
        if (Spec(context) is { } ema)
            writer.Line($"_average = new WeightAverage(model.Parameters, decay: {Number(ema.Decay)}, warmup: {(ema.Warmup ? "true" : "false")});  // {context.Place("training.ema")}");
    }

    public static void Property(SourceWriter writer, EmitContext context)
    {
        if (Applies(context)) writer.Line().Line("public WeightAverage? Average => _average;");
    }

    public static void Update(SourceWriter writer, EmitContext context)
    {
        if (Applies(context)) writer.Line("_average.Update(StepNumber);");
    }

    public static void Dispose(SourceWriter writer, EmitContext context)
    {
        if (Applies(context)) writer.Line("_average.Dispose();");
    }

    private static EmaSpec? Spec(EmitContext context) => context.Model.Spec.Training.Ema;
}
