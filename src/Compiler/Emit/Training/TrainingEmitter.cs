using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;

namespace ModelCompiler.Compiler.Emit.Training;

/// <summary>The training program: its steps, forward, backward and update, over views into one arena that are made once.</summary>
internal static class TrainingEmitter
{
    private static readonly string[] Usings =
    [
        "System", "System.Collections.Generic", "ModelCompiler.Runtime", "ModelCompiler.Runtime.Memory", "ModelCompiler.Runtime.Training",
        "ModelCompiler.Runtime.Training.Optimizers", "TorchSharp", "static TorchSharp.torch", EmitContext.KernelsAlias,
    ];

    public static GeneratedFile Emit(EmitContext context) => context.File(
        ".Training", $"{context.Name}: one training step, forward and backward", [.. Usings.Take(2), .. DistillationEmitter.Usings(context), .. Usings.Skip(2), .. PruningEmitter.Usings(context)], $"partial class {context.Name}", writer =>
        {
            var steps = new Steps(context.Model.Spec);
            if (context.Model.Spec.Training.Meta is null) ProgramEmitter.Emit(writer, context, steps);
            else MetaProgramEmitter.Emit(writer, context, steps);
            writer.Line();
            StepEmitter.Emit(writer, context, steps);
            MetaEmitter.HessianStep(writer, context, steps);
        });

    /// <summary>A field that is a view: name, offset expression and shape.</summary>
    /// <param name="half">Whether it has half of the rows.</param>
    public static string Field(string name, TensorType type, string viewAt, string rows, bool half = false) =>
        $"public readonly Tensor {name} = {View(type, viewAt, rows, half)};  {Activations.Comment(type)}{(half ? ", half of it" : "")}";

    /// <summary>The same as both halves of its rows.</summary>
    public static string Halves(string name, TensorType type, string viewAt, string rows) =>
        $"public readonly Tensor[] {name}Halves = arena.Halves({View(type, viewAt, rows, half: false)});";

    private static string View(TensorType type, string viewAt, string rows, bool half) =>
        $"{viewAt}, {EmitContext.ScalarType(type.DType)}, {Activations.Shape(type, rows, half)})";

    /// <summary>Whether a step draws dropout masks or tokens.</summary>
    public static bool Draws(Graph graph) => UsesDropout(graph) || Any(graph, n => n.Op == DrawTokens.OpName);

    public static bool UsesDropout(Graph graph) => Any(graph, n => n.Op == "dropout");

    /// <summary>Whether experts have a capacity.</summary>
    public static bool UsesCapacity(Graph graph) => Any(graph, n => n.Op == "route" && n.Attributes.Has("capacity"));

    /// <summary>Whether what a step does depends on whether it trains or evaluates.</summary>
    public static bool TellsTraining(Graph graph) => UsesDropout(graph) || UsesCapacity(graph);

    private static bool Any(Graph graph, Func<Node, bool> predicate) => graph.Blocks.Append(graph.Main).Any(f => f.Nodes.Any(predicate));
}
