using ModelCompiler.Compiler.Distillation;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
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
            using (writer.Block("private sealed class TeacherProgram"))
                new Pass(context, teacher).Write(writer);
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

    /// <summary>Writes one teacher's class.</summary>
    private sealed class Pass
    {
        private readonly EmitContext _context;
        private readonly TeacherProgram _teacher;
        private readonly Steps _steps;
        private readonly Graph _graph;
        private readonly Function _main;
        private readonly List<ForwardBlockEmitter> _blocks;
        private readonly Identifiers _fields = new();
        private readonly Identifiers _parameters;
        private readonly long _kept;

        public Pass(EmitContext student, TeacherProgram teacher)
        {
            (_teacher, _steps, _graph, _main) = (teacher, new Steps(student.Model.Spec), teacher.Graph, teacher.Graph.Main);
            // Its own lines are those of another file; here it is what the student's directive says.
            var span = student.Span(Path + ".teacher");
            _context = student.Of(teacher.Model, new SourceMap(student.SourcePath, [new SourceMapEntry(SpecPath.Root, span)]));
            _parameters = ParametersEmitter.Names(_context.Model, "");
            _kept = teacher.KeptOffset(student.Model.Training.Memory!.Bytes);
            _blocks = teacher.Plan.Blocks.Select(b => new ForwardBlockEmitter(_context, teacher, b, _steps, _kept)).ToList();
            foreach (var output in _main.Nodes.SelectMany(n => n.Outputs)) _ = _fields[output.Name];
        }

        private string T => _steps.Several ? ", T" : "";

        /// <summary>The parameter T of what is made for each length.</summary>
        private string Length => _steps.Several ? ", int T" : "";

        public void Write(SourceWriter writer)
        {
            if (_steps.Several) writer.Lines($"private const int B = {Number(_steps.Batch)};", "private readonly int T;");
            else writer.Line($"private const int B = {Number(_steps.Batch)}, T = {Number(_steps.Lengths[0])}, N = B * T;");
            writer.Line().Lines("private readonly MainActivations s;", "private readonly MainParameters p;");
            foreach (var block in _blocks) block.Fields(writer);
            writer.Line();
            using (writer.Block($"public TeacherProgram(ForwardWeights weights, Arena arena{Length})"))
            {
                if (_steps.Several) writer.Line("this.T = T;");
                writer.Lines($"s = new MainActivations(arena{T});", "p = new MainParameters(weights);");
                foreach (var block in _blocks) block.Construct(writer, value => "s." + _fields[value]);
            }
            writer.Line().Lines(
                $"public Tensor Hidden => s.{_fields[_main.Outputs[0]]};", "",
                $"public Tensor HeadWeight => p.{_parameters[_teacher.Head]};");
            if (_teacher.HeadBias is { } bias) writer.Line().Line($"public Tensor HeadBias => p.{_parameters[bias]};");
            foreach (var block in _blocks) block.Sites(writer);
            writer.Line();
            using (writer.Block("public void Forward(StepInput input)"))
            {
                var kernels = new KernelWriter(_context, _main, Spell, cached: false);
                foreach (var node in _main.Nodes)
                    if (OpTable.IsRepeat(node)) _blocks.Single(b => b.Name == node.Attributes.String("block")).Loop(writer);
                    else kernels.Write(writer, node);
            }
            foreach (var block in _blocks) block.Function(writer);
            if (TrainingEmitter.UsesCapacity(_graph))
                writer.Line().Lines("/// <summary>Experts have no limit.</summary>", "private static double Capacity(double factor) => 0;");
            Activations(writer);
            foreach (var block in _blocks) block.Class(writer);
            foreach (var block in _context.Model.Layout.Slots.Select(s => s.Block).Distinct())
            {
                writer.Line();
                ParametersEmitter.ForwardViews(writer, _context, block);
            }
        }

        private string Spell(string value) => _main.Inputs.Any(i => i.Name == value) ? "input." + Identifiers.Pascal(value)
            : _main.Parameters.Any(p => p.Name == value) ? "p." + _parameters[value]
            : "s." + _fields[value];

        private void Activations(SourceWriter writer)
        {
            var types = _main.Types();
            writer.Line().Line("/// <summary>Values outside the repeated blocks: scratch, over which the student's come later, and what its loss reads.</summary>");
            using (writer.Block($"private sealed class MainActivations(Arena arena{Length})"))
                foreach (var (value, offset) in _teacher.Plan.Main.Select(p => (p.Value, p.Offset)).Concat(_teacher.Plan.Kept.Select(p => (p.Value, _kept + p.Offset))))
                    writer.Line(TrainingEmitter.Field(_fields[value], types[value], $"arena.View({Grouped(offset)}", _steps.Rows));
        }
    }
}
