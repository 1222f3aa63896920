using ModelCompiler.Compiler.Emit.Training.Optimizers;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Training;

/// <summary>The program's public face: it owns the arena, runs its step over batches, and updates the parameters.</summary>
internal static class ProgramEmitter
{
    public static void Emit(SourceWriter writer, EmitContext context, Steps steps)
    {
        writer.Line("/// <summary>Trains the model; every offset and shape is fixed at build time.</summary>");
        using (writer.Block($"private sealed class TrainingProgram : ITrainingProgram{ObjectiveEmitter.Interfaces(context, steps)}"))
        {
            Fields(writer, context, steps);
            Constructor(writer, context, steps);
            writer.Line();
            Properties(writer, context, steps);
            writer.Line();
            Evaluate(writer, context, steps);
            writer.Line();
            Errors(writer, context, steps);
            ScoringEmitter.Method(writer, context);
            Backpropagate(writer, context, steps);
            writer.Line();
            Update(writer, context, steps);
            writer.Line();
            Dispose(writer, context, steps);
        }
    }

    private static void Fields(SourceWriter writer, EmitContext context, Steps steps)
    {
        writer.Lines(
            "private readonly Arena _arena;",
            steps.Several || steps.DropsTokens ? "private readonly TrainingStep[] _steps;" : "private readonly TrainingStep _step;");
        writer.Lines($"private readonly {OptimizerEmitters.Of(context.Model.Spec).Type} _optimizer;", "private double _loss;");
        TokenDropEmitter.Field(writer, context, steps);
        MemoryEmitter.Fields(writer, steps);
        LossScaleEmitter.Field(writer, context);
        ScoringEmitter.Field(writer, context);
        WeightAverageEmitter.Field(writer, context);
        PruningEmitter.Field(writer, context);
        OptimizerEmitters.Of(context.Model.Spec).Members(writer, context);
        PruningEmitter.Members(writer, context);
        writer.Line();
    }

    private static void Constructor(SourceWriter writer, EmitContext context, Steps steps)
    {
        using (writer.Block($"public TrainingProgram({context.Name} model)"))
        {
            if (context.Model.Spec.Efficiency.Precision.Fp8.Count > 0)
                writer.Line($"Kernels.RequireFp8(model.Device);  // {context.Place("efficiency.precision.fp8")}");
            writer.Lines("Model = model;", "_arena = new Arena(ArenaSize, model.Device);");
            MemoryEmitter.Construct(writer, context, steps);
            DistillationEmitter.Construct(writer, context);
            var made = (steps.DropsTokens ? steps.Kept : steps.Lengths).Select(length => steps.New(length, steps.Memory.Training)).ToList();
            writer.Line(steps.Several || steps.DropsTokens ? $"_steps = [{string.Join(", ", made)}];" : $"_step = {made[0]};");
            if (steps.EvaluatesApart) writer.Line($"_evaluation = {steps.New(steps.Lengths[steps.Lengths.Count - 1], steps.Memory.Evaluation)};");
            writer.Lines(
                $"_optimizer = {OptimizerEmitters.Of(context.Model.Spec).New(context)};  // {context.Place("training.optimizer")}");
            WeightAverageEmitter.Construct(writer, context);
            ScoringEmitter.Construct(writer, context);
            PruningEmitter.Construct(writer, context, steps);
        }
    }

    private static void Properties(SourceWriter writer, EmitContext context, Steps steps)
    {
        var memory = context.Model.Training.Memory!;
        foreach (var part in memory.Largest(8))
            writer.Line($"// {Mebibytes(part.Bytes),14}  {part.Name}");
        writer.Lines(
            $"private const long ArenaSize = {Grouped(context.Model.ArenaBytes)};  // {Mebibytes(context.Model.ArenaBytes)}: the buffers above are its largest", "",
            "public long ArenaBytes => ArenaSize;", "",
            "public long ArenaBytesUsed => _arena.HighWaterMark;", "",
            $"public IReadOnlyList<int> Lengths {{ get; }} = [{string.Join(", ", steps.Lengths.Select(length => Number(length)))}];", "",
            "public int StepNumber { get; set; }", "",
            "public IReadOnlyDictionary<string, Tensor> OptimizerState => _optimizer.State;", "",
            $"public {context.Name} Model {{ get; }}");
        Parts(writer, context);
        LossScaleEmitter.Property(writer, context);
        PruningEmitter.Property(writer, context);
        WeightAverageEmitter.Property(writer, context);
        MemoryEmitter.Property(writer, steps);
        DistillationEmitter.Property(writer, context, steps);
        ObjectiveEmitter.Property(writer, context);
        if (TrainingEmitter.TellsTraining(context.Model.Training))
            writer.Line().Line("/// <summary>Whether dropout drops anything.</summary>").Line("public bool Training { get; private set; }");
        if (steps.Accumulate > 1)
            writer.Line().Line("/// <summary>Micro-batches of this step so far.</summary>").Line("public int MicroBatches { get; private set; }");
        TokenDropEmitter.Members(writer, steps);
        if (!steps.Several) return;
        writer.Line().Line("/// <summary>The step of a batch's length; the longest refuses what has none.</summary>");
        using (writer.Block("private TrainingStep StepOf(int tokens) => tokens switch", ";"))
        {
            for (var i = 0; i < steps.Lengths.Count - 1; i++) writer.Line($"{Number((long)steps.Batch * steps.Lengths[i])} => _steps[{Number(i)}],");
            writer.Line($"_ => _steps[{Number(steps.Lengths.Count - 1)}],");
        }
    }

    /// <summary>What carries state beside the optimizer.</summary>
    private static void Parts(SourceWriter writer, EmitContext context)
    {
        var parts = new List<string>();
        if (LossScaleEmitter.Applies(context.Model.Spec)) parts.Add("_scaler");
        if (PruningEmitter.Applies(context)) parts.Add("_pruning");
        if (parts.Count > 0) writer.Line().Line($"public IReadOnlyList<ICheckpointPart> CheckpointParts => [{string.Join(", ", parts)}];");
    }

    private static void Evaluate(SourceWriter writer, EmitContext context, Steps steps)
    {
        using (writer.Block("public double Evaluate(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, Span<float> losses = default)"))
        {
            if (TrainingEmitter.TellsTraining(context.Model.Training)) writer.Line("Training = false;");
            MemoryEmitter.Evaluate(writer, steps, Step(steps));
        }
    }

    private static void Errors(SourceWriter writer, EmitContext context, Steps steps)
    {
        if (!StepEmitter.HasErrors(context.Model.Training)) return;
        using (writer.Block("public void EvaluateErrors(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, Span<float> errors)"))
        {
            if (TrainingEmitter.TellsTraining(context.Model.Training)) writer.Line("Training = false;");
            writer.Line($"{Step(steps)}.EvaluateErrors(tokens, targets, errors);");
        }
        writer.Line();
    }

    private static void Backpropagate(SourceWriter writer, EmitContext context, Steps steps)
    {
        using (writer.Block(
            "public double Backpropagate(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, ReadOnlySpan<float> weights = default, Span<float> losses = default)"))
        {
            if (TrainingEmitter.TellsTraining(context.Model.Training)) writer.Line("Training = true;");
            PruningEmitter.Remember(writer, context);
            MemoryEmitter.Begin(writer, steps);
            writer.Line($"var loss = {(steps.DropsTokens ? TokenDropEmitter.Scheduled : Step(steps))}.Backpropagate(tokens, targets, weights, losses);");
            MemoryEmitter.Advance(writer, steps);
            if (steps.Accumulate > 1)
                writer.Line($"_loss = (MicroBatches++ == 0 ? 0 : _loss) + (loss / {Number(steps.Accumulate)});  // {context.Place("training.accumulate")}");
            else
                writer.Line("_loss = loss;");
            writer.Line("return loss;");
        }
    }

    private static void Update(SourceWriter writer, EmitContext context, Steps steps)
    {
        using (writer.Block("public StepResult Update(double learningRate)"))
        {
            writer.Line("StepNumber++;");
            if (steps.Accumulate > 1) writer.Line("MicroBatches = 0;");
            PruningEmitter.MaskGradients(writer, context);
            LossScaleEmitter.Update(writer, context);
            writer.Line("var result = new StepResult(_loss, norm);");
            if (PruningEmitter.Applies(context) || DistillationEmitter.Applies(context) || WeightAverageEmitter.Applies(context))
            {
                using (writer.Block("if (result.IsFinite)  // else nothing was updated"))
                {
                    PruningEmitter.Update(writer, context);
                    DistillationEmitter.Update(writer, context);
                    WeightAverageEmitter.Update(writer, context);
                }
            }

            writer.Lines(
                "Model.OnStep(StepNumber, result);",
                "return result;");
        }
    }

    private static void Dispose(SourceWriter writer, EmitContext context, Steps steps)
    {
        using (writer.Block("public void Dispose()"))
        {
            if (steps.Several || steps.DropsTokens) writer.Line("foreach (var step in _steps) step.Dispose();");
            else writer.Line("_step.Dispose();");
            MemoryEmitter.Dispose(writer, steps);
            PruningEmitter.Dispose(writer, context);
            WeightAverageEmitter.Dispose(writer, context);
            ScoringEmitter.Dispose(writer, context);
            DistillationEmitter.Dispose(writer, context);
            writer.Lines("_optimizer.Dispose();", "_arena.Dispose();");
        }
    }

    /// <summary>The step that evaluates.</summary>
    private static string Step(Steps steps) => steps.DropsTokens ? TokenDropEmitter.Whole(steps) : steps.Several ? "StepOf(tokens.Length)" : "_step";
}
