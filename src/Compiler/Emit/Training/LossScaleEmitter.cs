using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Training;

/// <summary>What fp16 adds to the program: the loss scaler, the scale in the optimizer's step, and steps not made. Nothing without.</summary>
internal static class LossScaleEmitter
{
    public static bool Applies(ModelSpec spec) => spec.Efficiency.Precision.Compute == Precision.Fp16;

    public static void Field(SourceWriter writer, EmitContext context)
    {
        if (!Applies(context.Model.Spec)) return;
        var scale = context.Model.Spec.Efficiency.Precision.LossScale;
        if (scale.Fixed is { } fixedScale) scale = new() { Initial = fixedScale, Growth = 1, Backoff = 1 };
        writer.Line(
            $"private readonly LossScaler _scaler = new(initial: {Number(scale.Initial)}, growth: {Number(scale.Growth)}, interval: {Number(scale.Interval)}, "
            + $"backoff: {Number(scale.Backoff)});  // {context.Place("efficiency.precision.loss-scale")}");
    }

    public static void Property(SourceWriter writer, EmitContext context)
    {
        if (!Applies(context.Model.Spec)) return;
        writer.Line().Lines(
            "/// <summary>What the loss is multiplied by before its gradients are taken.</summary>",
            "public double LossScale => _scaler.Scale;");
    }

    /// <summary>The update by the optimizer; one that did not come about is no step.</summary>
    public static void Update(SourceWriter writer, EmitContext context)
    {
        if (!Applies(context.Model.Spec))
        {
            writer.Line($"var norm = _optimizer.Step({PruningEmitter.Step(context)}, learningRate, loss: _loss);");
            return;
        }
        writer.Lines(
            "var scale = LossScale;  // the scaler may change it now",
            $"var norm = _optimizer.Step({PruningEmitter.Step(context)}, learningRate, scale, _loss);");
        using (writer.Block("if (_scaler.Overflowed(_loss, norm))  // nothing was updated"))
            writer.Lines("StepNumber--;", "return new StepResult(_loss, norm) { Overflowed = true };");
    }

    /// <summary>What is multiplied to the gradient of a micro-batch's loss in steps; null where that is one.</summary>
    public static string? LossGradient(ModelSpec spec) => (Applies(spec), spec.Training.Accumulate) switch
    {
        (false, 1) => null,
        (false, var micro) => $"private const double LossGradient = 1.0 / {Number(micro)};",
        (true, 1) => "private double LossGradient => _program.LossScale;",
        (true, var micro) => $"private double LossGradient => _program.LossScale / {Number(micro)};",
    };
}
