using ModelCompiler.Compiler.Emit.Training.Optimizers;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Training;

/// <summary>The training step: forward, backward, update, over views into one arena that are made once.</summary>
internal static class TrainingEmitter
{
    private static readonly string[] Usings =
        ["System.Collections.Generic", "ModelCompiler.Runtime", "ModelCompiler.Runtime.Memory", "ModelCompiler.Runtime.Training", "ModelCompiler.Runtime.Training.Optimizers", "TorchSharp", "static TorchSharp.torch",
         EmitContext.KernelsAlias];

    public static GeneratedFile Emit(EmitContext context) => context.File(
        ".Training", $"{context.Name}: one training step, forward and backward", Usings, $"partial class {context.Name}", writer =>
        {
            var graph = context.Model.Training;
            var blocks = graph.Memory!.Blocks.Select(m => new BlockEmitter(context, graph, m)).ToList();
            writer.Line("/// <summary>One training step over a batch; every offset and shape is fixed at build time.</summary>");
            using (writer.Block("private sealed class TrainingProgram : ITrainingProgram"))
            {
                Fields(writer, context, blocks);
                Constructor(writer, context, blocks);
                writer.Line();
                Api(writer, context);
                writer.Line();
                Main(writer, context, blocks);
                foreach (var block in blocks) block.Functions(writer);
            }
            writer.Line();
            MainActivations(writer, context);
            foreach (var block in blocks) block.Classes(writer);
        });

    private static void Fields(SourceWriter writer, EmitContext context, List<BlockEmitter> blocks)
    {
        var graph = context.Model.Training;
        writer.Line($"private const int {string.Join(", ", graph.Dims.Take(2).Select(d => $"{d.Symbol} = {Number(d.Value)}"))}, N = B * T;").Line();
        writer.Line($"private readonly {context.Name} _model;");
        writer.Line("private readonly Arena _arena;");
        writer.Lines(
            "private readonly MainActivations s;",
            "private readonly MainParameters p;",
            "private readonly MainGradients g;",
            $"private readonly {OptimizerEmitters.Of(context.Model.Spec).Type} _optimizer;");
        foreach (var block in blocks) block.Fields(writer);
        if (UsesDropout(graph)) writer.Line("private bool _training;");
        writer.Line();
    }

    private static void Constructor(SourceWriter writer, EmitContext context, List<BlockEmitter> blocks)
    {
        using (writer.Block($"public TrainingProgram({context.Name} model)"))
        {
            writer.Lines(
                "_model = model;",
                "_arena = new Arena(ArenaSize, model.Device);",
                "s = new MainActivations(_arena);",
                "p = new MainParameters(model.Parameters);",
                "g = new MainGradients(model.Parameters);",
                $"_optimizer = {OptimizerEmitters.Of(context.Model.Spec).New(context)};  // {context.Place("training.optimizer")}");
            foreach (var block in blocks) block.Construct(writer);
        }
    }

    private static void Api(SourceWriter writer, EmitContext context)
    {
        var graph = context.Model.Training;
        var dropout = UsesDropout(graph);
        foreach (var part in graph.Memory!.Parts.OrderByDescending(p => p.Bytes).Take(8))
            writer.Line($"//   {Mebibytes(part.Bytes),12}  {part.Name}");
        writer.Lines(
            $"private const long ArenaSize = {Grouped(graph.Memory!.Bytes)};  // {Mebibytes(graph.Memory.Bytes)}: the buffers above are its largest", "",
            "public long ArenaBytes => ArenaSize;", "",
            "public long ArenaBytesUsed => _arena.HighWaterMark;", "",
            "public int StepNumber { get; set; }", "",
            "public IReadOnlyDictionary<string, Tensor> OptimizerState => _optimizer.State;", "");
        using (writer.Block("public double Evaluate(Tensor tokens, Tensor targets)"))
        {
            if (dropout) writer.Line("_training = false;");
            writer.Lines("Forward(tokens, targets);", "return s.Loss.ToSingle();");
        }
        writer.Line();
        using (writer.Block("public StepResult Step(Tensor tokens, Tensor targets, double learningRate)"))
        {
            if (dropout) writer.Line("_training = true;");
            writer.Lines(
                "Forward(tokens, targets);",
                "Backward(tokens, targets);",
                "StepNumber++;",
                "var norm = _optimizer.Step(StepNumber, learningRate);",
                "var result = new StepResult(s.Loss.ToSingle(), norm);",
                "_model.OnStep(StepNumber, result);",
                "return result;");
        }
        writer.Line();
        using (writer.Block("public void Dispose()")) writer.Lines("_optimizer.Dispose();", "_arena.Dispose();");
        if (!dropout) return;
        writer.Line().Lines(
            "/// <summary>The share to drop: none while evaluating.</summary>",
            "private double Rate(double rate) => _training ? rate : 0;", "",
            "/// <summary>The seed of a mask, so that the same step, layer and place always drop the same.</summary>",
            "private ulong MaskSeed(int layer, int site) => DropoutSeed.Of(_model.Seed, StepNumber, layer, site);");
    }

    private static void Main(SourceWriter writer, EmitContext context, List<BlockEmitter> blocks)
    {
        var (graph, names) = (context.Model.Training, ParametersEmitter.Names(context.Model.Layout, ""));
        var main = graph.Main;
        var fields = MainNames(main);
        var slots = main.GradientSlots();
        string Spell(string value) => value is GraphBuilder.Tokens or GraphBuilder.Targets ? value
            : main.Parameters.Any(p => p.Name == value) ? "p." + names[value]
            : slots.TryGetValue(value, out var parameter) ? "g." + names[parameter]
            : "s." + fields[value];
        var kernels = new KernelWriter(context, main, Spell, cached: false);

        void Write(Node node)
        {
            if (!OpTable.IsRepeat(node)) kernels.Write(writer, node);
            else blocks.Single(b => b.Name == node.Attributes.String("block")).Loop(writer, node.Op == "repeat_backward");
        }

        var nodes = main.Nodes.ToList();
        var split = nodes.FindIndex(n => n.Op == "cross_entropy") + 1;
        using (writer.Block("private void Forward(Tensor tokens, Tensor targets)"))
        {
            if (nodes.Any(n => n.Op == "dropout")) writer.Line("const int layer = 0;");
            foreach (var node in nodes.Take(split)) Write(node);
        }
        writer.Line();
        using (writer.Block("private void Backward(Tensor tokens, Tensor targets)"))
            foreach (var node in nodes.Skip(split)) Write(node);
    }

    private static Identifiers MainNames(Function main)
    {
        var names = new Identifiers();
        foreach (var output in main.Nodes.SelectMany(n => n.Outputs)) _ = names[output.Name];
        return names;
    }

    private static void MainActivations(SourceWriter writer, EmitContext context)
    {
        var graph = context.Model.Training;
        var (names, types) = (MainNames(graph.Main), graph.Main.Types());
        writer.Line("/// <summary>Values outside the repeated blocks.</summary>");
        using (writer.Block("private sealed class MainActivations(Arena arena)"))
        {
            writer.Line($"private const int {string.Join(", ", graph.Dims.Take(2).Select(d => $"{d.Symbol} = {Number(d.Value)}"))}, N = B * T;").Line();
            foreach (var place in graph.Memory!.Main)
                writer.Line(Field(names[place.Value], types[place.Value], $"arena.View({Grouped(place.Offset)}"));
        }
    }

    /// <summary>A field that is a view: name, offset expression and shape.</summary>
    public static string Field(string name, TensorType type, string viewAt) =>
        $"public readonly Tensor {name} = {viewAt}, {ScalarType(type.DType)}, {Activations.Shape(type, "N")});  {Activations.Comment(type)}";

    private static bool UsesDropout(Graph graph) => graph.Blocks.Append(graph.Main).Any(f => f.Nodes.Any(n => n.Op == "dropout"));
}
