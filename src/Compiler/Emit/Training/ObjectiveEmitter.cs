using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Training;

/// <summary>What an objective other than causal adds to the program: further inputs, and the measures of its tasks. Nothing without.</summary>
internal static class ObjectiveEmitter
{
    public static ObjectiveKind Of(EmitContext context) => ObjectiveSpec.Resolve(context.Model.Spec).Kind;

    public static bool Measures(EmitContext context) => Of(context) is not (ObjectiveKind.Causal or ObjectiveKind.Regression);

    /// <summary>The interfaces of the program besides its own.</summary>
    public static string Interfaces(EmitContext context, Steps steps) => Measures(context) || steps.DropsTokens ? ", IMetricSource" : "";

    public static void Property(SourceWriter writer, EmitContext context)
    {
        if (Measures(context)) writer.Line().Line("public void Report(StepMetrics metrics) => _step.Measures.Report(metrics);");
    }

    public static void Field(SourceWriter writer, EmitContext context)
    {
        if (Measures(context))
            writer.Line($"public readonly TaskMeasures Measures = new({string.Join(", ", Tasks(context).Select(task => Text(task.Name)))});  // {context.Place("training.objective")}");
    }

    /// <summary>Further arguments of the step's input.</summary>
    public static string Inputs(EmitContext context)
    {
        var special = SpecialTokensSpec.Resolve(context.Model.Spec.Architecture);
        var inputs = context.Model.Training.Main.Inputs.Select(i => i.Name).ToList();
        return (inputs.Contains(GraphBuilder.Labels) ? ", labeled: true" : "")
            + (Parts(context) is { } parts ? ", parts: " + parts : "")
            + (MetaEmitter.Widths(context.Model) is var (read, predicted) && read > 0 ? $", numbers: ({Number(read)}, {Number(predicted)})" : "")
            + (inputs.Contains(GraphBuilder.Lengths) ? $", padding: {Number(special.Pad!.Value)}" : "");
    }

    /// <summary>The expression of what tells the parts of a sequence; null for a model without token types.</summary>
    public static string? Parts(EmitContext context) => FamilyLayers.Of(context.Model.Spec)[0] is EmbeddingLayer { TokenTypes: { } types }
        ? $"new SequenceParts({Number(SpecialTokensSpec.Resolve(context.Model.Spec.Architecture).Sep!.Value)}, {Number(types)})"
        : null;

    /// <summary>The expression of the loss that was computed, all tasks together.</summary>
    /// <param name="context">The model.</param>
    /// <param name="result">The field of a result of the loss.</param>
    public static string Loss(EmitContext context, Func<string, string> result)
    {
        if (!Measures(context)) return $"StepInput.Read({result(GraphBuilder.Loss)})";
        var tasks = Tasks(context).Select((task, i) =>
            $"Measures.Add({Number(i)}, StepInput.Read({result(task.Loss)}), StepInput.Read({result(GraphBuilder.Accuracy(task.Loss))}))");
        return string.Join(" + ", tasks);
    }

    private static (string Name, string Loss)[] Tasks(EmitContext context) => Of(context) switch
    {
        ObjectiveKind.Classification => [("class", GraphBuilder.Loss)],
        ObjectiveKind.MaskedWithOrder => [("masked", GraphBuilder.Loss), ("order", GraphBuilder.OrderLoss)],
        _ => [("masked", GraphBuilder.Loss)],
    };
}
