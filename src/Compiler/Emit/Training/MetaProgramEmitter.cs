using ModelCompiler.Compiler.Emit.Training.Optimizers;
using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Training;

/// <summary>
/// The program of a model that learns to adapt: each micro-batch is a task, its support set and then its query set. A copy of the
/// parameters goes through the inner steps; what these and the query loss say of the parameters before them is the meta-gradient.
/// </summary>
internal static class MetaProgramEmitter
{
    private const string Path = "training.meta";

    public static void Emit(SourceWriter writer, EmitContext context, Steps steps)
    {
        var meta = MetaSpec.Resolve(context.Model.Spec)!;
        writer.Line("/// <summary>Trains the model task by task; every offset and shape is fixed at build time.</summary>");
        using (writer.Block("private sealed class TrainingProgram : IMetaProgram"))
        {
            Fields(writer, context, steps, meta);
            Constructor(writer, context, meta);
            writer.Line();
            Properties(writer, context, steps);
            writer.Line();
            Adaptation(writer);
            writer.Line();
            Backpropagate(writer, context, meta);
            writer.Line();
            Update(writer, context);
            writer.Line();
            Dispose(writer, context);
        }
    }

    private static void Fields(SourceWriter writer, EmitContext context, Steps steps, MetaSpec meta)
    {
        writer.Lines(
            $"private const int B = {Number(steps.Batch)}, N = {MetaEmitter.Rows(context)};  // examples of a set, and their elements",
            $"private const int InnerSteps = {Number(meta.InnerSteps)}, Tasks = {Number(meta.Tasks)};  // {context.Place(Path)}",
            $"private readonly {context.Name} _origin;",
            "private readonly Arena _arena;",
            "private readonly TrainingStep _step;");
        if (context.Model.Hessian is not null) writer.Line("private readonly HessianStep _hessian;");
        writer.Lines(
            "private readonly InnerLoop _inner;",
            $"private readonly {OptimizerEmitters.Of(context.Model.Spec).Type} _optimizer;",
            "private double _loss;",
            "private int _tasks;");
        WeightAverageEmitter.Field(writer, context);
        OptimizerEmitters.Of(context.Model.Spec).Members(writer, context);
        writer.Line();
    }

    private static void Constructor(SourceWriter writer, EmitContext context, MetaSpec meta)
    {
        var arguments = new List<string> { "model.Parameters", "Model.Parameters", $"rate: {Number(meta.InnerRate)}" };
        if (meta.LearnRates) arguments.Add($"ratesAt: {Grouped(context.Model.Layout.Elements)}");
        if (context.Model.Hessian is not null) arguments.Add("kept: InnerSteps");
        if (meta.Method == MetaMethod.Anil)
            arguments.Add($"adapted: [{string.Join(", ", MetaEmitter.Head(context.Model).Select(p => $"({Grouped(p.Offset)}, {Grouped(p.Length)})"))}]");
        using (writer.Block($"public TrainingProgram({context.Name} model)"))
        {
            writer.Lines(
                "_origin = model;",
                $"Model = new {context.Name}(model.Device, model.Seed);",
                $"_inner = new InnerLoop({string.Join(", ", arguments)});  // {context.Place(Path)}",
                "_arena = new Arena(ArenaSize, model.Device);",
                "_step = new TrainingStep(this, _arena);");
            if (context.Model.Hessian is not null) writer.Line("_hessian = new HessianStep(this, _arena);");
            writer.Line($"_optimizer = {OptimizerEmitters.Of(context.Model.Spec).New(context)};  // {context.Place("training.optimizer")}");
            WeightAverageEmitter.Construct(writer, context);
        }
    }

    private static void Properties(SourceWriter writer, EmitContext context, Steps steps)
    {
        var bytes = context.Model.ArenaBytes;
        writer.Lines(
            $"private const long ArenaSize = {Grouped(bytes)};  // {Mebibytes(bytes)}{(context.Model.Hessian is null ? "" : ", which the step and the product with the Hessian share")}", "",
            "public long ArenaBytes => ArenaSize;", "",
            "public long ArenaBytesUsed => _arena.HighWaterMark;", "",
            $"public IReadOnlyList<int> Lengths {{ get; }} = [{string.Join(", ", steps.Lengths.Select(length => Number(length)))}];", "",
            "public int StepNumber { get; set; }", "",
            "public IReadOnlyDictionary<string, Tensor> OptimizerState => _optimizer.State;", "",
            "/// <summary>The copy that the inner steps move.</summary>",
            $"public {context.Name} Model {{ get; }}");
        if (context.Model.Hessian is not null)
            writer.Line().Lines(
                "/// <summary>The direction of the Hessian's product, and where it is written.</summary>",
                "public ParameterStore Directions => _inner.Directions;");
        WeightAverageEmitter.Property(writer, context);
    }

    private static void Adaptation(SourceWriter writer)
    {
        using (writer.Block("public void Adapt(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, int steps)"))
        {
            writer.Line("_inner.Start();");
            using (writer.Block("for (var step = 0; step < steps; step++)"))
                writer.Lines("_step.Backpropagate(tokens, targets, [], []);", "_inner.Step();");
        }
        writer.Line();
        writer.Lines("public double Loss(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, Span<float> losses = default) => _step.Evaluate(tokens, targets, losses);", "");
        using (writer.Block("public double Evaluate(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, Span<float> losses = default)"))
            writer.Lines(
                "InnerLoop.Check(tokens, targets, 2 * N);",
                "Adapt(tokens[..N], targets[..N], InnerSteps);",
                "if (!losses.IsEmpty) Loss(tokens[..N], targets[..N], losses[..B]);",
                "return Loss(tokens[N..], targets[N..], losses.IsEmpty ? losses : losses[B..]);");
    }

    private static void Backpropagate(SourceWriter writer, EmitContext context, MetaSpec meta)
    {
        using (writer.Block(
            "public double Backpropagate(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, ReadOnlySpan<float> weights = default, Span<float> losses = default)"))
        {
            writer.Lines(
                "InnerLoop.Check(tokens, targets, 2 * N);",
                "_inner.Start();");
            if (meta.Method == MetaMethod.Reptile) Reptile(writer, context);
            else ByQuery(writer, context, meta);
            writer.Lines(
                "_inner.Add(first: _tasks == 0, share: 1.0 / Tasks);",
                "_loss = (_tasks++ == 0 ? 0 : _loss) + (loss / Tasks);",
                "return loss;");
        }
    }

    private static void Reptile(SourceWriter writer, EmitContext context)
    {
        writer.Line("var loss = 0.0;");
        using (writer.Block($"for (var step = 0; step < InnerSteps; step++)  // {context.Place(Path)}"))
            writer.Lines(
                "var set = step % 2;  // the two sets take turns, so that steps follow on different examples",
                "var before = _step.Backpropagate(tokens.Slice(set * N, N), targets.Slice(set * N, N), [], losses.IsEmpty ? losses : losses.Slice(set * B, B));",
                "if (step == 0) loss = before;",
                "_inner.Step();");
        writer.Line("_inner.Displace();  // the way from the adapted parameters back is taken for the gradient");
    }

    private static void ByQuery(SourceWriter writer, EmitContext context, MetaSpec meta)
    {
        using (writer.Block($"for (var step = 0; step < InnerSteps; step++)  // {context.Place(Path)}"))
        {
            writer.Line("_step.Backpropagate(tokens[..N], targets[..N], [], losses.IsEmpty ? losses : losses[..B]);");
            if (context.Model.Hessian is not null) writer.Line("_inner.Keep(step);");
            writer.Line("_inner.Step();");
        }
        writer.Lines(
            "var loss = _step.Backpropagate(tokens[N..], targets[N..], [], losses.IsEmpty ? losses : losses[B..]);",
            "_inner.Query();");
        if (context.Model.Hessian is null) return;
        writer.Line("// Back through the inner steps: a gradient v behind one is v − H·(rates ∘ v) before it, H the Hessian of the support loss there.");
        using (writer.Block("for (var step = InnerSteps - 1; step >= 0; step--)"))
            writer.Lines(
                "_inner.Direct(step);",
                "_hessian.Backpropagate(tokens[..N], targets[..N]);",
                "_inner.Return();");
    }

    private static void Update(SourceWriter writer, EmitContext context)
    {
        using (writer.Block("public StepResult Update(double learningRate)"))
        {
            writer.Lines("StepNumber++;", "_tasks = 0;", "var result = new StepResult(_loss, _optimizer.Step(StepNumber, learningRate, loss: _loss));");
            if (WeightAverageEmitter.Applies(context)) writer.Line("if (result.IsFinite) _average.Update(StepNumber);");
            writer.Lines(
                "_origin.OnStep(StepNumber, result);",
                "return result;");
        }
    }

    private static void Dispose(SourceWriter writer, EmitContext context)
    {
        using (writer.Block("public void Dispose()"))
        {
            writer.Line("_step.Dispose();");
            if (context.Model.Hessian is not null) writer.Line("_hessian.Dispose();");
            WeightAverageEmitter.Dispose(writer, context);
            writer.Lines("_inner.Dispose();", "_optimizer.Dispose();", "_arena.Dispose();", "Model.Dispose();");
        }
    }
}
