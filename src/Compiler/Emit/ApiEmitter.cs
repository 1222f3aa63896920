using System.Security.Cryptography;
using System.Text;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Compiler.Emit.Inference;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Layers;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.Compiler.Pruning;
using ModelCompiler.Compiler.Report;
using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit;

/// <summary>The class that users see: its definition, construction and programs, with its costs in the remarks.</summary>
internal static class ApiEmitter
{
    private static readonly string[] Usings =
        ["ModelCompiler.ModelDsl", "ModelCompiler.Runtime", "ModelCompiler.Runtime.Training", "static TorchSharp.torch"];

    public static GeneratedFile Emit(EmitContext context)
    {
        var (model, name) = (context.Model, context.Name);
        var spec = model.Spec;
        var compute = Copies(spec) ? $"{Compute(spec).ToString().ToLowerInvariant()} compute, fp32 master" : "fp32";
        var family = spec.Architecture.Family is { } declared ? KebabCase.Of(declared.ToString()) : "blocks";
        var summary = $"{name} · {family} · {Grouped(model.Costs.Parameters)} parameters · {compute}  ({context.Place("model")})";
        IReadOnlyList<string> usings = LinearForms.Declared(model) ? [.. Usings, "ModelCompiler.Runtime.Inference.Packed"] : Usings;
        return context.File("", summary, usings, Remarks(model) + $"\npartial class {name} : ICompiledModel<{name}>", writer =>
        {
            Definition(writer, model);
            writer.Line();
            using (writer.Block($"private {name}(Device device, int seed)"))
            {
                writer.Lines(
                    "Device = device;",
                    "Seed = seed;",
                    $"Parameters = new ParameterStore(device, Definition.Parameters, {ScalarType(PlacePrecision.Of(Compute(spec)))}{Rounding(context)}",
                    "Parameters.Initialize(seed);");
                if (ParametersEmitter.IsAdapted(model))
                    writer.Lines(
                        $"Frozen = new ParameterStore(device, Definition.Adapt!.Frozen, {ScalarType(PlacePrecision.Of(Compute(spec)))});",
                        "Frozen.Initialize(seed);");
                if (spec.Efficiency.Precision.Tf32)
                    writer.Line($"if (device.type == TorchSharp.DeviceType.CUDA) backends.cuda.matmul.allow_tf32 = true;  // {context.Place("efficiency.precision.tf32")}");
            }
            writer.Line().Lines(
                "/// <inheritdoc/>",
                "public ModelDescription Description => Definition;", "",
                "/// <inheritdoc/>",
                "public ParameterStore Parameters { get; }", "",
                "/// <inheritdoc/>",
                "public Device Device { get; }", "",
                "/// <summary>Seed of initialization and dropout.</summary>",
                "public int Seed { get; }", "",
                $"/// <inheritdoc cref=\"ICompiledModel{{TSelf}}.Create\"/>",
                $"public static {name} Create(Device device, int seed) => new(device, seed);", "",
                "/// <inheritdoc/>",
                "public ITrainingProgram CreateTraining() => new TrainingProgram(this);", "");
            if (!model.IsRegression)
                writer.Lines(
                    "/// <inheritdoc/>",
                    model.Inference.Encoding is null
                        ? $"public IInferenceProgram CreateInference(int batch = 1) => {NewInference(context)};"
                        : "public IEncoderProgram CreateEncoder() => new EncoderProgram(this);", "");
            if (LinearForms.Declared(model))
                writer.Lines(
                    "/// <inheritdoc/>",
                    $"public IInferenceProgram CreateInference(int batch, PackedWeights weights) => new InferenceProgram(this, batch, weights);  // {context.Place(LinearForms.Origin(model))}", "");
            writer.Line("/// <inheritdoc/>");
            Dispose(writer, model);
            writer.Line().Lines(
                "/// <summary>Implement it in your part of the class to see every training step.</summary>",
                "partial void OnStep(int step, StepResult result);");
        });
    }

    private static string NewInference(EmitContext context) => Generation.Obstacle(context.Model.Inference) is not { } node
        ? $"new InferenceProgram(this, batch{(LinearForms.Declared(context.Model) ? ", packed: null" : "")})"
        : "throw new global::System.NotSupportedException(" + Text(
            $"{context.Name} cannot generate: {Generation.Reason(node, context.Place(node.Origin))}") + ")";

    /// <summary>The end of the class's life, and for adapters what their frozen model needs.</summary>
    private static void Dispose(SourceWriter writer, CompiledModel model)
    {
        if (!ParametersEmitter.IsAdapted(model))
        {
            writer.Line("public void Dispose() => Parameters.Dispose();");
            return;
        }
        using (writer.Block("public void Dispose()")) writer.Lines("Parameters.Dispose();", "Frozen.Dispose();");
        writer.Line().Lines(
            "/// <summary>The frozen weights; the adapters are <see cref=\"Parameters\"/>.</summary>",
            "public ParameterStore Frozen { get; }", "",
            "/// <inheritdoc cref=\"Adapters.LoadBase\"/>",
            "public BaseCheckpoint LoadBase(string path) => Adapters.LoadBase(this, path);", "",
            "/// <inheritdoc cref=\"Adapters.Merge\"/>",
            "public void Merge() => Adapters.Merge(this);");
    }

    private static void Definition(SourceWriter writer, CompiledModel model)
    {
        var (spec, o, d) = (model.Spec, model.Spec.Training.Optimizer, model.Spec.Training.Data);
        writer.Line("/// <summary>The declaration, as constants.</summary>");
        using (writer.Block("public static ModelDescription Definition { get; } = new()", ";"))
        {
            writer.Lines(
                $"Name = {Text(spec.Model)},",
                $"Vocabulary = {Number(spec.Architecture.Vocabulary)},",
                $"Context = {Number(spec.Architecture.Context)},",
                $"Batch = {Number(spec.Training.Meta is null ? spec.Training.Batch : 2 * spec.Training.Batch)},");
            if (spec.Architecture.Family is not null) writer.Line($"Architecture = {RecordLiteral.Of(spec.Architecture)},");
            if (FamilyLayers.Of(spec)[0] is EmbeddingLayer { TokenTypes: { } types }) writer.Line($"TokenTypes = {Number(types)},");
            if (MemoryLengths.Of(spec).Training is > 0 and var memory) writer.Line($"SegmentMemory = {Number(memory)},");
            writer.Lines(
                $"SpecHash = {Text(Hash(model))},",
                "TrainingKeys =",
                "[");
            foreach (var line in TrainingKeys.Of(spec)) writer.Line($"    {Text(line)},");
            writer.Lines(
                "],",
                "Parameters = Layout(),",
                $"Compute = Precision.{Compute(spec)},");
            if (spec.Efficiency.Adapt is { } adapt)
            {
                using (writer.Block("Adapt = new AdapterSettings", ","))
                {
                    writer.Line($"Scale = {Number((adapt.Alpha ?? adapt.Rank) / adapt.Rank)},");
                    if (adapt.From is { } from) writer.Line($"From = {Text(from)},");
                    writer.Line("Frozen = FrozenLayout(),");
                }
            }
            using (writer.Block("Training = new TrainingSettings", ","))
            {
                var micro = spec.Training.Meta?.Tasks ?? spec.Training.Accumulate;
                if (micro > 1) writer.Line($"Accumulate = {Number(micro)},");
                writer.Lines(
                    $"Steps = {Number(spec.Training.Steps)},",
                    $"Seed = {Number(spec.Training.Seed)},",
                    $"LearningRate = {Number(o.LearningRate)},",
                    $"Warmup = {Number(o.Warmup)},",
                    $"Decay = DecayKind.{o.Decay},",
                    $"Final = {Number(o.Final)},",
                    $"Source = {Text(d.Source)},",
                    $"Field = {Text(d.Field)},",
                    $"Tokenizer = TokenizerKind.{d.Tokenizer},",
                    $"Validation = {Number(d.Validation)},");
                if (d.Tokenizer == TokenizerKind.Json) writer.Line($"TokenizerFile = {Text(d.TokenizerFile)},");
                if (o.Decay == DecayKind.Wsd)
                    writer.Lines($"DecayShare = {Number(o.DecayShare)},", $"CoolDown = CoolDownKind.{o.CoolDown},");
                if (spec.Training.ValidateEvery is { } validate) writer.Line($"ValidateEvery = {Number(validate)},");
                if (spec.Training.EarlyStop is { } stop)
                    writer.Lines($"Patience = {Number(stop.Patience)},", $"MinDelta = {Number(stop.MinDelta)},");
                var (checkpoints, onNan) = (spec.Training.Checkpoints, spec.Training.OnNan);
                if (checkpoints.Keep != new CheckpointsSpec().Keep) writer.Line($"KeptCheckpoints = {Number(checkpoints.Keep)},");
                if (checkpoints.Every is { } every) writer.Line($"CheckpointEvery = {Number(every)},");
                if (onNan != NanPolicy.Stop) writer.Line($"OnNan = NanPolicy.{onNan},");
                DataSettings.Write(writer, model);
            }
            if (PruningSpec.Resolve(spec) is { } pruning) writer.Line($"Pruning = {RecordLiteral.Of(pruning)},");
            if (spec.Efficiency.Pruning?.To is not null) writer.Line($"Pruned = {RemovePruned.NameOf(spec)}.Definition,");
            if (spec.Efficiency.Quantization is { } quantization) writer.Line($"Quantization = {RecordLiteral.Of(quantization)},");
            if (LinearForms.Declared(model)) writer.Line("Packs = true,");
            if (spec.Export.OpsetOnly) writer.Line("OpsetOnly = true,");
            if (model.DraftModel is { } draft)
                writer.Line($"Draft = new DraftSettings({draft}.Definition, device => {draft}.Create(device, seed: 0), {Number(spec.Efficiency.Speculate!.Tokens)}),");
            writer.Line($"ForwardFlops = {Grouped(model.Costs.ForwardFlops * model.Costs.Tokens)},");
            if (model.Costs.RecomputedFlops is > 0 and var again) writer.Line($"RecomputedFlops = {Grouped(again * model.Costs.Tokens)},");
            Memory(writer, model);
        }
    }

    /// <summary>What training needs, with the parts of the arena that matter: at least a hundredth of it.</summary>
    private static void Memory(SourceWriter writer, CompiledModel model)
    {
        var (costs, plan, main) = (model.Costs, model.Training.Memory!, model.Training.Main.Nodes.ToList());
        using (writer.Block("Memory = new MemoryPlan", ","))
        {
            writer.Lines(
                $"Parameters = {Grouped(costs.WeightBytes + costs.CopyBytes)},",
                $"Gradients = {Grouped(costs.GradientBytes)},",
                $"Optimizer = {Grouped(costs.OptimizerBytes)},",
                $"Activations = {Grouped(model.ArenaBytes)},");
            if (costs.OtherTrainingBytes.Any(part => part.Bytes > 0))
            {
                writer.Lines("Others =", "[");
                foreach (var (name, bytes) in costs.OtherTrainingBytes.Where(part => part.Bytes > 0)) writer.Line($"    new({Text(name)}, {Grouped(bytes)}),");
                writer.Line("],");
            }

            writer.Lines(
                $"Operations = {Number(main.Count)},",
                $"Backward = {Number(main.FindLastIndex(Costs.IsLoss) + 1)},",
                "Parts =",
                "[");
            foreach (var part in plan.Parts.Where(p => p.Bytes * 100 >= plan.Bytes).OrderByDescending(p => p.Bytes).ThenBy(p => p.Name, StringComparer.Ordinal))
                writer.Line($"    new({Text(part.Name)}, {Grouped(part.Bytes)}, {Number(part.First)}, {Number(part.Last)}),");
            writer.Line("],");
        }
    }

    private static string Remarks(CompiledModel model)
    {
        List<string> lines =
        [
            $"<summary>{model.Spec.Model}, compiled from its declaration: <see cref=\"CreateTraining\"/> trains it, <see cref=\"{(model.Inference.Encoding is not null ? "CreateEncoder" : LinearForms.Declared(model) ? "CreateInference(int)" : "CreateInference")}\"/> runs it.</summary>",
            "<remarks>",
            "What it costs; the same as constants in <see cref=\"Cost\"/>.",
            "<list type=\"table\">",
            .. ReportText.Rows(model).Select(row =>
                $"<item><term>{row.Name}</term><description>{row.Value}{(row.Note.Length > 0 ? $" ({row.Note})" : "")}</description></item>"),
            "</list>",
            "</remarks>",
        ];
        return string.Join("\n", lines.Select(l => "/// " + l));
    }

    /// <summary>What a checkpoint must agree on: the parameters and the forward program, whatever number of sequences a step has.</summary>
    private static string Hash(CompiledModel model)
    {
        using var sha = SHA256.Create();
        var inference = GraphText.Print(model.Inference with { Dims = model.Inference.Dims.Where(d => d.Symbol != "B").ToEquatableArray() });
        return string.Concat(sha.ComputeHash(Encoding.UTF8.GetBytes(inference)).Take(8).Select(b => b.ToString("x2")));
    }

    /// <summary>The end of the store's construction: what rounds its copy under quantization-aware training.</summary>
    private static string Rounding(EmitContext context) => context.Model.Spec.Efficiency.Quantization is { Method: RoundingMethod.Qat }
        ? $", Definition.Quantization);  // products read rounded weights, {context.Place("efficiency.quantization")}"
        : ");";

    private static Precision Compute(ModelSpec spec) => spec.Efficiency.Precision.Compute;

    /// <summary>Whether weights are read from a copy rather than from the masters.</summary>
    private static bool Copies(ModelSpec spec) => Compute(spec) != Precision.Fp32;
}
