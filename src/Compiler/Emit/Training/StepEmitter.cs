using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.Compiler.Passes;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Training;

/// <summary>The step of one sequence length: forward and backward pass, and the views that they work on.</summary>
internal static class StepEmitter
{
    /// <param name="name">The name of the class.</param>
    /// <param name="summary">What it does.</param>
    public static void Emit(SourceWriter writer, EmitContext context, Steps steps, string name = "TrainingStep", string summary = "Forward and backward pass of batches of one length.")
    {
        var graph = context.Model.Training;
        var blocks = graph.Memory!.Blocks.Select(m => new BlockEmitter(context, graph, m, steps)).ToList();
        writer.Line($"/// <summary>{summary}</summary>");
        using (writer.Block($"private sealed class {name} : IDisposable"))
        {
            Fields(writer, context, steps, blocks);
            Constructor(writer, context, steps, blocks, name);
            writer.Line();
            if (IsLinearized(graph)) HessianApi(writer);
            else Api(writer, context);
            Members(writer, context, steps);
            writer.Line();
            Main(writer, context, steps, blocks);
            foreach (var block in blocks) block.Functions(writer);
            writer.Line();
            MainActivations(writer, graph, steps);
            foreach (var block in blocks) block.Classes(writer);
        }
    }

    private static void Fields(SourceWriter writer, EmitContext context, Steps steps, List<BlockEmitter> blocks)
    {
        steps.Declare(writer);
        writer.Line();
        ObjectiveEmitter.Field(writer, context);
        if (AsksProgram(context, steps)) writer.Line("private readonly TrainingProgram _program;");
        writer.Lines(
            "private readonly StepInput input;",
            "private readonly MainActivations s;",
            "private readonly MainParameters p;",
            "private readonly MainGradients g;");
        if (IsLinearized(context.Model.Training))
            writer.Lines(
                "private readonly MainParameters v;  // the direction",
                "private readonly MainGradients h;  // the Hessian's product with it");
        if (MemoryEmitter.Applies(steps)) writer.Line("private readonly SegmentMemory memory;");
        DistillationEmitter.StepFields(writer, context);
        foreach (var block in blocks) block.Fields(writer);
        writer.Line();
    }

    private static void Constructor(SourceWriter writer, EmitContext context, Steps steps, List<BlockEmitter> blocks, string name)
    {
        var weighted = context.Model.Training.Main.Inputs.Any(i => i.Name == GraphBuilder.Weights) ? ", weighted: true" : "";
        using (writer.Block($"public {name}(TrainingProgram program, Arena arena{steps.Parameter}{steps.KeptParameter})"))
        {
            if (steps.Several) writer.Line("this.T = T;");
            if (steps.EvaluatesApart) writer.Line("this.M = M;");
            if (AsksProgram(context, steps)) writer.Line("_program = program;");
            writer.Lines(
                $"input = new StepInput(B, T, program.Model.Device{weighted}{ObjectiveEmitter.Inputs(context)});",
                $"s = new MainActivations(arena{steps.ArgumentOf(MainViews(context.Model.Training))});",
                $"p = new MainParameters({ParametersEmitter.Stores(context.Model, "", "program.Model")});",
                "g = new MainGradients(program.Model.Parameters);");
            if (IsLinearized(context.Model.Training)) writer.Lines("v = new MainParameters(program.Directions);", "h = new MainGradients(program.Directions);");
            if (MemoryEmitter.Applies(steps)) writer.Line("memory = program.Memory!;");
            DistillationEmitter.StepConstruct(writer, context);
            foreach (var block in blocks) block.Construct(writer);
        }
    }

    /// <summary>Whether it is a program of the Hessian's product.</summary>
    public static bool IsLinearized(Graph graph) => graph.Main.Parameters.Any(p => p.Name.EndsWith(TangentBuilder.Suffix, StringComparison.Ordinal));

    private static void HessianApi(SourceWriter writer)
    {
        using (writer.Block("public void Backpropagate(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets)"))
            writer.Lines("input.Load(tokens, targets);", "Forward();", "Backward();");
        writer.Line().Line("public void Dispose() => input.Dispose();");
    }

    private static void Api(SourceWriter writer, EmitContext context)
    {
        var graph = context.Model.Training;
        var main = graph.Main;
        using (writer.Block("public double Evaluate(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, Span<float> losses)"))
        {
            writer.Lines("input.Load(tokens, targets);", "Forward();");
            if (Joined(main)) writer.Line("Loss();");
            writer.Lines(
                "StepInput.Read(s.LossBySequence, losses);",
                $"return {ObjectiveEmitter.Loss(context, value => "s." + MainNames(main)[value])};");
        }
        writer.Line();
        if (HasErrors(graph))
        {
            using (writer.Block("public void EvaluateErrors(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, Span<float> errors)"))
                writer.Lines("input.Load(tokens, targets);", "Forward();", "Errors();", "StepInput.Read(s.Errors, errors);");
            writer.Line();
        }

        string Result(string value) => "s." + MainNames(main)[main.Outputs.Contains(LinearCrossEntropy.Training(value)) ? LinearCrossEntropy.Training(value) : value];
        using (writer.Block("public double Backpropagate(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, ReadOnlySpan<float> weights, Span<float> losses)"))
        {
            writer.Line("input.Load(tokens, targets, weights);");
            DistillationEmitter.Forward(writer, context);
            writer.Lines("Forward();", "Backward();");
            DistillationEmitter.Observe(writer, context, Result(GraphBuilder.Loss), value => "s." + MainNames(main)[value]);
            writer.Lines(
                $"StepInput.Read({Result(GraphBuilder.LossBySequence)}, losses);",
                $"return {ObjectiveEmitter.Loss(context, Result)};");
        }
        writer.Line().Line("public void Dispose() => input.Dispose();");
    }

    /// <summary>Whether the program tells the errors of sequences.</summary>
    public static bool HasErrors(Graph graph) => graph.Main.Nodes.Any(n => n.Op == ErrorNorm.OpName);

    private static bool AsksProgram(EmitContext context, Steps steps) =>
        TrainingEmitter.Draws(context.Model.Training) || TrainingEmitter.UsesCapacity(context.Model.Training) || steps.Accumulate > 1
        || LossScaleEmitter.Applies(context.Model.Spec) || DistillationEmitter.Applies(context) || PruningEmitter.Observes(context);

    /// <summary>What kernels' arguments may name besides values and dimensions.</summary>
    private static void Members(SourceWriter writer, EmitContext context, Steps steps)
    {
        if (TrainingEmitter.UsesDropout(context.Model.Training))
            writer.Line().Lines(
                "/// <summary>The share to drop: none while evaluating.</summary>",
                "private double Rate(double rate) => _program.Training ? rate : 0;");
        if (TrainingEmitter.Draws(context.Model.Training))
        {
            var step = steps.Accumulate > 1 ? $"(_program.StepNumber * {Number(steps.Accumulate)}) + _program.MicroBatches" : "_program.StepNumber";
            writer.Line().Lines(
                "/// <summary>The seed of a mask, so that the same step, layer and place always drop the same.</summary>",
                $"private ulong MaskSeed(int layer, int site) => DropoutSeed.Of(_program.Model.Seed, {step}, layer, site);");
        }
        if (TrainingEmitter.UsesCapacity(context.Model.Training))
            writer.Line().Lines(
                "/// <summary>How many times its even share of positions an expert takes: no limit, 0, while evaluating.</summary>",
                "private double Capacity(double factor) => _program.Training ? factor : 0;");
        DistillationEmitter.StepMembers(writer, context, steps);
        if (steps.Accumulate > 1)
            writer.Line().Lines(
                "/// <summary>Whether gradients are added to those of an earlier micro-batch of the step.</summary>",
                "private bool Again => _program.MicroBatches > 0;");
        if (LossScaleEmitter.LossGradient(context.Model.Spec) is { } gradient)
            writer.Line().Lines("/// <summary>The gradient of a micro-batch's loss: the step's loss is their mean.</summary>", gradient);
    }

    private static void Main(SourceWriter writer, EmitContext context, Steps steps, List<BlockEmitter> blocks)
    {
        var (graph, names) = (context.Model.Training, ParametersEmitter.Names(context.Model, ""));
        var main = graph.Main;
        var fields = MainNames(main);
        var slots = main.GradientSlots();
        string Spell(string value) => DistillationEmitter.Spell(value) is { } taught && main.Inputs.Any(i => i.Name == value) ? taught
            : main.Inputs.Any(i => i.Name == value) ? "input." + Identifiers.Pascal(value)
            : main.Parameters.Any(p => p.Name == value) ? ParametersEmitter.Weight(names, value)
            : slots.TryGetValue(value, out var parameter) ? ParametersEmitter.Gradient(names, parameter)
            : "s." + fields[value];
        var kernels = new KernelWriter(context, main, Spell, cached: false) { Accumulate = steps.Accumulates };

        void Write(Node node, bool forward = true)
        {
            if (forward) PruningEmitter.Observe(writer, context, node, "", "0", Spell);
            if (!OpTable.IsRepeat(node)) kernels.Write(writer, node);
            else blocks.Single(b => b.Name == node.Attributes.String("block")).Loop(writer, node.Op == "repeat_backward", again => kernels.Write(writer, again));
        }

        var nodes = main.Nodes.ToList();
        // A loss that is joined with the head is calculated again with its gradients: a step needs only those.
        var joined = Joined(main);
        var split = nodes.FindLastIndex(Costs.IsLoss) + (joined ? 0 : 1);
        using (writer.Block("private void Forward()"))
        {
            if (nodes.Any(n => n.Op is "dropout" or "recall")) writer.Line("const int layer = 0;");
            foreach (var node in nodes.Take(split)) Write(node);
        }
        writer.Line();
        if (joined)
        {
            using (writer.Block("private void Loss()")) Write(nodes[split++]);
            writer.Line();
        }
        using (writer.Block("private void Backward()"))
            foreach (var node in nodes.Skip(split).Where(n => n.Op != ErrorNorm.OpName)) Write(node, forward: false);
        if (!HasErrors(graph)) return;
        writer.Line();
        using (writer.Block("private void Errors()"))
            foreach (var node in nodes.Where(n => n.Op == ErrorNorm.OpName)) Write(node);
    }

    private static bool Joined(Function main) => main.Nodes.Any(n => n.Op == "linear_cross_entropy");

    private static Identifiers MainNames(Function main)
    {
        var names = new Identifiers();
        foreach (var output in main.Nodes.SelectMany(n => n.Outputs)) _ = names[output.Name];
        return names;
    }

    private static IEnumerable<TensorType> MainViews(Graph graph)
    {
        var types = graph.Main.Types();
        return graph.Memory!.Main.Select(place => types[place.Value]);
    }

    private static void MainActivations(SourceWriter writer, Graph graph, Steps steps)
    {
        var (names, types) = (MainNames(graph.Main), graph.Main.Types());
        writer.Line("/// <summary>Values outside the repeated blocks.</summary>");
        using (writer.Block($"private sealed class MainActivations(Arena arena{steps.ParameterOf(MainViews(graph))})"))
            foreach (var place in graph.Memory!.Main)
                writer.Line(TrainingEmitter.Field(names[place.Value], types[place.Value], $"arena.View({Grouped(place.Offset)}", steps.Rows));
    }
}
