using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Training;

/// <summary>What <c>training.meta</c> adds around the program: adaptation, learned rates, the step of second order. Nothing without.</summary>
internal static class MetaEmitter
{
    private static readonly string[] Usings =
        ["System", "ModelCompiler.Runtime", "ModelCompiler.Runtime.Data.Tasks"];

    public static bool Applies(EmitContext context) => context.Model.Spec.Training.Meta is not null;

    /// <summary>Adaptation, for users.</summary>
    public static GeneratedFile Emit(EmitContext context) => context.File(
        ".Meta", $"{context.Name}: adaptation to tasks", Usings, $"partial class {context.Name}", writer =>
        {
            writer.Lines(
                "/// <summary>",
                "/// A copy of the model after gradient steps on examples of a task, with the inner rates of the declaration or the learned ones.",
                "/// This model stays as it is; the copy is the caller's to dispose of.",
                "/// </summary>",
                "/// <param name=\"examples\">As many as a batch holds, at most.</param>",
                "/// <param name=\"steps\">Gradient steps on all of them.</param>",
                "/// <exception cref=\"ArgumentException\">The examples do not fit the model, or there are more than a batch.</exception>");
            using (writer.Block($"public {context.Name} Adapt(TaskExamples examples, int steps)"))
            {
                writer.Line("using var program = new TrainingProgram(this);");
                writer.Line($"examples.Adapt(program, steps, batch: {Number(context.Model.Spec.Training.Batch)});");
                writer.Lines(
                    $"var adapted = new {context.Name}(Device, Seed);",
                    "adapted.Parameters.CopyFrom(program.Model.Parameters);",
                    "return adapted;");
            }
            writer.Line().Lines(
                "/// <summary>The program that trains the model, as one that adapts a copy of it, too.</summary>",
                "public IMetaProgram CreateMeta() => new TrainingProgram(this);");
        });

    /// <summary>The learned inner rates as parameters behind all others, in their layout.</summary>
    public static void Rates(SourceWriter writer, EmitContext context)
    {
        if (context.Model.Spec.Training.Meta is not { LearnRates: true } meta) return;
        writer.Line($"foreach (var info in layout.ToArray())  // {context.Place("training.meta.learn-rates")}");
        writer.Line($"    layout.Add(info with {{ Name = \"rates.\" + info.Name, Offset = {Grouped(context.Model.Layout.Elements)} + info.Offset, Decay = false, Init = new({Number(meta.InnerRate)}, 0) }});");
    }

    /// <summary>The step of the Hessian's product, of methods of second order.</summary>
    public static void HessianStep(SourceWriter writer, EmitContext context, Steps steps)
    {
        if (context.Model.Hessian is not { } hessian) return;
        writer.Line();
        StepEmitter.Emit(
            writer, context.Over(hessian), steps, "HessianStep",
            "The gradient of the support loss and its derivative in a direction: the product of the loss's Hessian with it.");
    }

    /// <summary>Numbers that a regression reads and predicts at each position; 0 for a model of tokens.</summary>
    public static (long Read, long Predicted) Widths(CompiledModel model)
    {
        var inputs = model.Training.Main.Inputs;
        long Width(string name) => inputs.FirstOrDefault(i => i.Name == name)?.Type!.Last.Value ?? 0;
        return (Width(GraphBuilder.Numbers), Width(GraphBuilder.Wanted));
    }

    /// <summary>Elements of a batch as the program is given it.</summary>
    public static string Rows(EmitContext context) => Widths(context.Model) is var (read, predicted) && Math.Max(read, predicted) > 1
        ? $"{Number(context.Model.Spec.Training.Batch)} * {Number(context.Model.Spec.Architecture.Context)} * {Number(Math.Max(read, predicted))}"
        : $"{Number(context.Model.Spec.Training.Batch)} * {Number(context.Model.Spec.Architecture.Context)}";

    /// <summary>The parameters of the output head, where they alone are adapted: places in the flat buffer.</summary>
    public static IEnumerable<(long Offset, long Length)> Head(CompiledModel model)
    {
        var main = model.Training.Main;
        var last = main.Nodes.Take(main.Nodes.ToList().FindIndex(Costs.IsLoss) + 1).Last(n => n.Op is "linear" or "linear_fp8" or "linear_cross_entropy");
        var weight = last.Inputs[1];
        var layer = weight.Substring(0, weight.LastIndexOf('.') + 1);
        return model.Layout.Slots.Where(s => s.Block.Length == 0 && s.Parameter.Name.StartsWith(layer, StringComparison.Ordinal))
            .Select(s => (s.Offset, s.Parameter.Type.Elements));
    }
}
