using ModelCompiler.Compiler.Distillation;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Training;

/// <summary>The teacher's forward pass within its student's class: it works on the batch and in the arena of a training step.</summary>
internal static class TeacherEmitter
{
    private const string Path = "training.distillation";

    private static readonly string[] Usings =
    [
        "System", "ModelCompiler.ModelDsl", "ModelCompiler.Runtime", "ModelCompiler.Runtime.Memory", "ModelCompiler.Runtime.Training",
        "static TorchSharp.torch", EmitContext.KernelsAlias,
    ];

    public static GeneratedFile Emit(EmitContext context)
    {
        var teacher = context.Model.Teacher!;
        return context.File(".Teacher", $"{context.Name}: the forward pass of its teacher, {teacher.Name}", Usings, $"partial class {context.Name}", writer =>
        {
            New(writer, context, teacher);
            writer.Line().Line($"/// <summary>{teacher.Name}'s forward pass over a batch of {context.Name}, up to what its head reads; without gradients.</summary>");
            var kept = teacher.KeptOffset(context.Model.Training.Memory!.Bytes);
            var pass = new ForwardEmitter(context, Path + ".teacher", "TeacherProgram", teacher.Model, teacher.Plan, teacher.Sites, kept);
            pass.Write(writer, () =>
            {
                writer.Lines(
                    $"public Tensor Hidden => {pass.Spell(teacher.Graph.Main.Outputs[0])};", "",
                    $"public Tensor HeadWeight => {pass.Spell(teacher.Head)};");
                if (teacher.HeadBias is { } bias) writer.Line().Line($"public Tensor HeadBias => {pass.Spell(bias)};");
            });
            if (teacher.IsCached) Alone(writer, context, teacher);
        });
    }

    private static void New(SourceWriter writer, EmitContext context, TeacherProgram teacher)
    {
        var (spec, steps) = (context.Model.Spec, new Steps(context.Model.Spec));
        var distillation = spec.Training.Distillation!;
        var compute = PlacePrecision.Of(teacher.Model.Spec.Efficiency.Precision.Compute);
        writer.Line($"/// <summary>What is learned from {teacher.Name}.</summary>");
        using (writer.Block($"private static Distillation NewDistillation({(teacher.IsCached ? "" : "Action<ForwardWeights> attach, ")}{context.Name} model)"))
        {
            writer.Line($"var settings = {RecordLiteral.Of(distillation)};");
            using (writer.Block($"return new Distillation(settings, model.Device, device => {teacher.Class}.Create(device, seed: 0), {ScalarType(compute)})  // {context.Place(Path)}", ";"))
            {
                if (teacher.IsCached)
                    writer.Lines(
                        "Pass = weights => new TeacherPass(weights, model.Device),",
                        $"Predictions = new CachedPredictions(model.Device, batch: {Number(steps.Batch)}, sequence: {Number(spec.Architecture.Context)}, k: {Number(teacher.Values.TopK)}, vocabulary: {Number(spec.Architecture.Vocabulary)}),  // {context.Place(Path + ".cache")}");
                else
                    writer.Line("Attach = attach,");
                if (distillation.Initialize is not null)
                    writer.Line($"Copies = new LayerCopies({Text(Block(context.Model.Training))}, {Text(Block(teacher.Graph))}),  // {context.Place(Path + ".initialize")}");
                var own = context.Model.Training.Blocks[0].Inputs[0].Type!.Last.Value;
                if (teacher.Sites is { Hidden: true } sites && teacher.Values.Layers!.Width != own)
                    writer.Line($"Projections = new LayerProjections(model.Device, layers: {Number(sites.Layers.Count)}, width: {Number(own)}, teacherWidth: {Number(teacher.Values.Layers.Width)}, model.Seed),  // {context.Place(Path + ".hidden")}");
            }
        }
    }

    /// <summary>The teacher by itself, before the run.</summary>
    private static void Alone(SourceWriter writer, EmitContext context, TeacherProgram teacher)
    {
        var (spec, values) = (context.Model.Spec, teacher.Values);
        writer.Line().Line($"/// <summary>{teacher.Name}'s predictions, to be kept in a file.</summary>");
        using (writer.Block("private sealed class TeacherPass : ITeacherPass"))
        {
            writer.Lines("private readonly Arena _arena;", "private readonly StepInput _input;", "private readonly TeacherProgram _teacher;", "");
            using (writer.Block("public TeacherPass(ForwardWeights weights, Device device)"))
                writer.Lines(
                    $"_arena = new Arena({Grouped(teacher.Plan.ScratchBytes + teacher.Plan.KeptBytes)}, device);",
                    $"_input = new StepInput({Number(spec.Training.Batch)}, {Number(spec.Architecture.Context)}, device{ObjectiveEmitter.Inputs(context)});",
                    "_teacher = new TeacherProgram(weights, _arena);");
            writer.Line();
            using (writer.Block("public void Predict(ReadOnlySpan<long> tokens, Span<long> ids, Span<float> logs)"))
                writer.Lines(
                    "_input.Load(tokens, tokens);",
                    "_teacher.Forward(_input);",
                    $"TopPredictions.Read(_teacher.Hidden, _teacher.HeadWeight, {(values.HasBias ? "_teacher.HeadBias" : "null")}, softcap: {Number(values.Softcap)}, "
                    + $"temperature: {Number(spec.Training.Distillation!.Temperature)}, ids, logs);");
            writer.Line();
            using (writer.Block("public void Dispose()")) writer.Lines("_input.Dispose();", "_arena.Dispose();");
        }
    }

    private static string Block(Graph graph) => graph.Main.Nodes.First(n => n.Op == "repeat").Attributes.String("block");
}
