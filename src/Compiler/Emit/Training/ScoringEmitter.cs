using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Training;

/// <summary>The forward pass by which samples are judged, and what it adds to the training program. Nothing where training's own is as good.</summary>
internal static class ScoringEmitter
{
    private const string Path = "training.subset.precision";

    private static readonly string[] Usings =
        ["System", "ModelCompiler.Runtime", "ModelCompiler.Runtime.Memory", "ModelCompiler.Runtime.Training", "static TorchSharp.torch", EmitContext.KernelsAlias];

    public static bool Applies(EmitContext context) => context.Model.Scoring is not null;

    public static GeneratedFile Emit(EmitContext context)
    {
        var (scoring, steps) = (context.Model.Scoring!, new Steps(context.Model.Spec));
        var compute = scoring.Model.Spec.Efficiency.Precision.Compute;
        return context.File(".Scoring", $"{context.Name}: the forward pass by which samples are judged, in {KebabCase.Of(compute.ToString())}", Usings, $"partial class {context.Name}", writer =>
        {
            writer.Line("/// <summary>Judges the samples of a batch by the weights as they are now; works in the arena of training, between its steps.</summary>");
            using (writer.Block("private sealed class ScoringPass : IDisposable"))
            {
                writer.Lines("private readonly ForwardWeights _weights;", "private readonly StepInput _input;", "private readonly ScoringProgram _program;", "");
                using (writer.Block($"public ScoringPass({context.Name} model, Arena arena)"))
                    writer.Lines(
                        $"_weights = new ForwardWeights(model.Parameters, {ScalarType(PlacePrecision.Of(compute))});  // {context.Place(Path)}",
                        $"_input = new StepInput({Number(steps.Batch)}, {Number(context.Model.Spec.Architecture.Context)}, model.Device);",
                        $"_program = new ScoringProgram(_weights, arena{(steps.Several ? ", T: " + Number(context.Model.Spec.Architecture.Context) : "")});");
                writer.Line();
                using (writer.Block("public void Score(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, Span<float> scores)"))
                    writer.Lines("_weights.Refresh();", "_input.Load(tokens, targets);", "_program.Forward(_input);", "StepInput.Read(_program.Scores, scores);");
                writer.Line();
                using (writer.Block("public void Dispose()")) writer.Lines("_input.Dispose();", "_weights.Dispose();");
            }

            writer.Line().Line("/// <summary>The forward pass up to the scores of sequences; without dropout or gradients.</summary>");
            var pass = new ForwardEmitter(context, Path, "ScoringProgram", scoring.Model, scoring.Plan, sites: null, kept: scoring.Plan.ScratchBytes);
            pass.Write(writer, () => writer.Line($"public Tensor Scores => {pass.Spell(scoring.Model.Training.Main.Outputs[0])};"));
        });
    }

    public static void Field(SourceWriter writer, EmitContext context)
    {
        if (Applies(context)) writer.Line("private readonly ScoringPass _scoring;");
    }

    public static void Construct(SourceWriter writer, EmitContext context)
    {
        if (Applies(context)) writer.Line($"_scoring = new ScoringPass(model, _arena);  // {context.Place(Path)}");
    }

    /// <summary>The method of the program that the subset asks.</summary>
    public static void Method(SourceWriter writer, EmitContext context)
    {
        if (!Applies(context)) return;
        var (name, result) = context.Model.Spec.Training.Subset!.Method == SubsetMethod.El2n ? ("EvaluateErrors", "errors") : ("Score", "losses");
        writer.Line($"public void {name}(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, Span<float> {result}) => _scoring.Score(tokens, targets, {result});").Line();
    }

    public static void Dispose(SourceWriter writer, EmitContext context)
    {
        if (Applies(context)) writer.Line("_scoring.Dispose();");
    }
}
