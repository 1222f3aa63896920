using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Pruning;
using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Training;

/// <summary>
/// What <c>efficiency.pruning</c> adds to the program: the table of matrices, the masks before and after the optimizer's step, and what
/// methods observe. Nothing without the directive.
/// </summary>
internal static class PruningEmitter
{
    private const string Path = "efficiency.pruning";

    public static bool Applies(EmitContext context) => context.Model.Spec.Efficiency.Pruning is not null;

    public static string[] Usings(EmitContext context) => Applies(context) ? ["ModelCompiler.Runtime.Training.Pruning"] : [];

    /// <summary>Whether the method needs the inputs of layers.</summary>
    public static bool Observes(EmitContext context) => context.Model.Spec.Efficiency.Pruning is { Observes: true };

    public static void Field(SourceWriter writer, EmitContext context)
    {
        // Steps call it where it observes.
        if (Applies(context)) writer.Line($"{(Observes(context) ? "public" : "private")} readonly WeightPruning _pruning;");
    }

    public static void Members(SourceWriter writer, EmitContext context)
    {
        if (!Applies(context) || context.Model.Structures.Count > 0) return;
        writer.Line().Line("// The matrices whose weights are removed.");
        using (writer.Block("private static readonly PrunedMatrix[] s_pruned =", ";", '[', ']'))
            foreach (var (part, slot, offset, rows) in Matrices(context.Model))
                writer.Line(
                    $"new(new(Offset: {Grouped(offset)}, Stride: {Grouped(slot.Stride)}, Count: {Number(part.Count)}, Rows: {Number(rows)}, "
                    + $"Columns: {Number(slot.Parameter.Type.Last.Value)}){(Observes(context) ? $", Site: {Number(Site(context.Model, part.Block, part.Parameter))}" : "")}"
                    + $"{(part.First > 0 ? $", First: {Number(part.First)}" : "")}),  // {Name(part, slot)}");
    }

    public static void Construct(SourceWriter writer, EmitContext context, Steps steps)
    {
        if (PruningSpec.Resolve(context.Model.Spec) is not { } pruning) return;
        var average = context.Model.Spec.Training.Ema is null ? "" : " { Average = _average }";
        writer.Lines(
            $"_pruning = new WeightPruning(model.Parameters, {Method(pruning)},",
            $"    {Schedule(pruning, context.Model.Spec)}, _optimizer){average};  // {context.Place(Path)}");
        if (!Observes(context)) return;
        var batches = (pruning.Calibration + steps.Batch - 1) / steps.Batch;
        writer.Line($"_pruning.ReadAgain(batches: {Number(batches)}, tokens: {Number((long)steps.Batch * steps.Lengths[steps.Lengths.Count - 1])}, "
            + $"(tokens, targets) => Evaluate(tokens, targets));  // {context.Place(Path + ".calibration")}");
    }

    public static void Property(SourceWriter writer, EmitContext context)
    {
        if (Applies(context)) writer.Line().Line("public WeightPruning? Pruning => _pruning;");
    }

    public static void Remember(SourceWriter writer, EmitContext context)
    {
        if (Observes(context)) writer.Line("_pruning.Remember(tokens, targets);");
    }

    public static void MaskGradients(SourceWriter writer, EmitContext context)
    {
        if (Applies(context)) writer.Line($"_pruning.MaskGradients({(LossScaleEmitter.Applies(context.Model.Spec) ? "LossScale" : "")});");
    }

    /// <summary>The expression of the step that the optimizer corrects its moments for: after a rewind they are those of an early one.</summary>
    public static string Step(EmitContext context) =>
        context.Model.Spec.Efficiency.Pruning is { Schedule: PruningSchedule.Iterative } ? "_pruning.Schedule.StepOfRound(StepNumber - 1) + 1" : "StepNumber";

    public static void Update(SourceWriter writer, EmitContext context)
    {
        if (Applies(context)) writer.Line("_pruning.Update(StepNumber);");
    }

    public static void Dispose(SourceWriter writer, EmitContext context)
    {
        if (Applies(context)) writer.Line("_pruning.Dispose();");
    }

    /// <summary>The statement that shows the method a product's input, before the product.</summary>
    public static void Observe(SourceWriter writer, EmitContext context, Node node, string block, string set, Func<string, string> spell)
    {
        if (!Observes(context) || node.Op is not ("linear" or "linear_fp8" or "linear_cross_entropy")) return;
        if (Site(context.Model, block, node.Inputs[1]) is >= 0 and var site)
            writer.Line($"_program._pruning.Observe({Number(site)}, {set}, {spell(node.Inputs[0])});");
    }

    /// <summary>The statement that shows the method what a block makes of the stream.</summary>
    public static void ObserveBlock(SourceWriter writer, EmitContext context)
    {
        if (Observes(context) && context.Model.Structures.Any(s => s.Kind == PrunedPartKind.Layers))
            writer.Line("_program._pruning.ObserveLayer(layer, s.Input, s.Output);");
    }

    /// <summary>Weights of the targets.</summary>
    public static long Weights(CompiledModel model) => Matrices(model).Sum(Weights);

    /// <summary>Those that are removed in the end.</summary>
    public static long RemovedWeights(CompiledModel model)
    {
        if (model.Spec.Efficiency.Pruning is not { To: null } pruning) return 0;
        var share = Sparsity(pruning);
        long Removed(double of) => (long)Math.Round(of * share, MidpointRounding.AwayFromZero);
        return pruning switch
        {
            { Scope: PruningScope.Global } => Removed(Weights(model)),
            { Method: PruningMethod.Wanda } => Matrices(model).Sum(m => m.Part.Count * m.Rows * Removed(m.Slot.Parameter.Type.Last.Value)),
            _ => Matrices(model).Sum(m => m.Part.Count * Removed(m.Rows * m.Slot.Parameter.Type.Last.Value)),
        };
    }

    /// <summary>What it holds beside the parameters: the mask, and what method and schedule carry.</summary>
    public static long Bytes(CompiledModel model) => model.Spec.Efficiency.Pruning is not { } pruning ? 0 : model.Layout.Elements
        * (1 + (pruning.Method == PruningMethod.Movement ? 12 : 0) + (pruning.Schedule == PruningSchedule.Iterative ? 4 : 0))
        + (pruning.Schedule == PruningSchedule.Iterative ? Optimizers.OptimizerEmitters.Of(model.Spec).StateBytes(model) : 0);

    private static double Sparsity(PruningSpec pruning) =>
        pruning.Pattern is { } pattern && PruningSpec.ParsePattern(pattern) is var (kept, of) ? 1 - ((double)kept / of) : pruning.Sparsity!.Value;

    private static string Method(PruningSpec pruning)
    {
        if (pruning.To is not null) return $"new StructuredPruning(model.Parameters, s_structures, global::ModelCompiler.ModelDsl.Importance.{pruning.Importance})";
        var pattern = pruning.Pattern is { } text && PruningSpec.ParsePattern(text) is var (kept, of) ? $", pattern: new(Kept: {Number(kept)}, Of: {Number(of)})" : "";
        var within = pruning.Scope == PruningScope.Global ? ", ComparedIn.All" : "";
        return $"new {(pruning.Method == PruningMethod.Sparsegpt ? "SparseGpt" : pruning.Method.ToString())}Pruning(model.Parameters, s_pruned, "
            + $"sparsity: {Number(Sparsity(pruning))}{within}{pattern})";
    }

    private static string Schedule(PruningSpec pruning, ModelSpec spec) => pruning.Schedule switch
    {
        PruningSchedule.Cubic => $"new CubicSchedule(begin: {Number(pruning.Begin!.Value)}, end: {Number(pruning.End!.Value)}, every: {Number(pruning.Every)})",
        PruningSchedule.Iterative => $"new IterativeSchedule(rewind: {Number(pruning.Rewind!.Value)}, rounds: {Number(pruning.Rounds)}, "
            + $"steps: {Number(spec.Training.Steps)}, sparsity: {Number(pruning.To is null ? Sparsity(pruning) : 0)})",
        _ => $"new OneShotSchedule(begin: {Number(pruning.Begin!.Value)})",
    };

    /// <summary>The number of the product that reads a parameter; −1 for one that is not observed.</summary>
    public static int Site(CompiledModel model, string block, string parameter) =>
        model.Training.Pruned.Select(p => (p.Block, p.Parameter))
            .Concat(model.Structures.SelectMany(s => s.Axes).Where(axis => axis.ByColumns).Select(axis => (axis.Block, axis.Parameter)))
            .Distinct().ToList().IndexOf((block, parameter));

    private static long Weights((PrunedPart Part, ParameterSlot Slot, long Offset, long Rows) matrix) =>
        matrix.Part.Count * matrix.Rows * matrix.Slot.Parameter.Type.Last.Value;

    private static string Name(PrunedPart part, ParameterSlot slot)
    {
        if (part.Block.Length == 0) return part.Part;
        if (part.Count == slot.Sets) return $"{BlockNames.Layers(part.Block)}.{part.Part}";
        var first = BlockNames.First(part.Block) + part.First;
        return $"{BlockNames.Whole(part.Block)}.{Number(first)}{(part.Count == 1 ? "" : " to " + Number(first + part.Count - 1))}.{part.Part}";
    }

    /// <summary>The matrices in the order of the forward pass, with their places in the flat buffers.</summary>
    private static IEnumerable<(PrunedPart Part, ParameterSlot Slot, long Offset, long Rows)> Matrices(CompiledModel model)
    {
        foreach (var part in model.Training.Pruned)
        {
            var slot = model.Layout.Slots.First(s => s.Block == part.Block && s.Parameter.Name == part.Parameter);
            var parts = slot.Parameter.Parts.ToList();
            var index = parts.FindIndex(p => p.Name == part.Part);
            var before = parts.Take(index).Sum(p => (long)p.Rows.Value) * slot.Parameter.Type.Last.Value;
            yield return (part, slot, slot.Offset + (part.First * slot.Stride) + before, parts[index].Rows.Value);
        }
    }
}
