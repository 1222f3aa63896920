using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Training;

/// <summary>What a memory of earlier segments adds to the program: the states, and their turn after each pass. Nothing without.</summary>
internal static class MemoryEmitter
{
    public static void Fields(SourceWriter writer, Steps steps)
    {
        if (steps.EvaluatesApart) writer.Line("private readonly TrainingStep _evaluation;");
        if (Applies(steps)) writer.Line("private readonly SegmentMemory _memory;");
    }

    /// <summary>Before the steps, which use it.</summary>
    public static void Construct(SourceWriter writer, EmitContext context, Steps steps)
    {
        if (!Applies(steps)) return;
        var sites = Sites(context.Model.Training);
        writer.Line($"_memory = new SegmentMemory(model.Device, batch: {Number(steps.Batch)}, micro: {Number(steps.Accumulate)}, "
            + $"positions: {Number(steps.Memory.Training)}, evaluation: {Number(steps.Memory.Evaluation)},");
        writer.Line("[");
        foreach (var (name, layers, node) in sites)
        {
            var type = node.Outputs[0].Type!;
            writer.Line($"    new({Text(name)}, {Number(layers)}, {Number(type.Last.Value)}, {ScalarType(type.DType)}, "
                + $"SameLength: {(node.Attributes.Bool("same_length") ? "true" : "false")}),  // {context.Place(node.Origin)}");
        }
        writer.Line("]);");
    }

    public static void Property(SourceWriter writer, Steps steps)
    {
        if (Applies(steps)) writer.Line().Line("public SegmentMemory? Memory => _memory;");
    }

    public static void Begin(SourceWriter writer, Steps steps)
    {
        if (Applies(steps)) writer.Line($"_memory.Begin({(steps.Accumulate > 1 ? "MicroBatches" : "0")}, tokens);");
    }

    /// <summary>The forward pass of an evaluation.</summary>
    public static void Evaluate(SourceWriter writer, Steps steps, string step)
    {
        var pass = $"{(steps.EvaluatesApart ? "_evaluation" : step)}.Evaluate(tokens, targets, losses);";
        if (Applies(steps)) writer.Lines("_memory.BeginEvaluation(tokens);", "var loss = " + pass, "_memory.Advance();", "return loss;");
        else writer.Line("return " + pass);
    }

    public static void Advance(SourceWriter writer, Steps steps)
    {
        if (Applies(steps)) writer.Line("_memory.Advance();");
    }

    public static void Dispose(SourceWriter writer, Steps steps)
    {
        if (steps.EvaluatesApart) writer.Line("_evaluation.Dispose();");
        if (Applies(steps)) writer.Line("_memory.Dispose();");
    }

    public static bool Applies(Steps steps) => steps.Memory.Training > 0;

    /// <summary>Bytes of all states: those of training twice, before and after a step, and as those of evaluation.</summary>
    public static long Bytes(CompiledModel model)
    {
        var steps = new Steps(model.Spec);
        var positions = 2L * ((steps.Accumulate * (long)steps.Memory.Training) + steps.Memory.Evaluation);
        return !Applies(steps) ? 0 : Sites(model.Training).Sum(site =>
            site.Layers * steps.Batch * positions * site.Node.Outputs[0].Type!.Last.Value * site.Node.Outputs[0].Type!.DType.Bytes());
    }

    private static List<(string Name, int Layers, Node Node)> Sites(Graph graph)
    {
        var functions = graph.Main.Nodes.Where(n => n.Op == "repeat").Select(n => (Function: graph.Block(n.Attributes.String("block")), Layers: n.Attributes.Int("times")))
            .Append((Function: graph.Main, Layers: 1));
        return
        [
            .. from function in functions
               from node in function.Function.Nodes
               where node.Op == "recall"
               orderby node.Attributes.Int("site")
               select (Name(function.Function, node), function.Layers, node),
        ];
    }

    /// <summary>The layer's name, with its block's.</summary>
    private static string Name(Function function, Node node)
    {
        var value = node.Outputs[0].Name;
        return (function.Name == "main" ? "" : function.Name + ".") + value.Substring(0, value.LastIndexOf('.'));
    }
}
