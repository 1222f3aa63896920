using ModelCompiler.Compiler.Report;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit;

/// <summary>What the model costs: constants to program with, and the report, which the build takes from the comment.</summary>
internal static class ReportEmitter
{
    public static GeneratedFile Emit(EmitContext context) => context.File(
        ".Report", $"{context.Name}: what it costs", [], $"partial class {context.Name}", writer =>
        {
            var costs = context.Model.Costs;
            writer.Line("/// <summary>What the model costs, known at build time: numbers, FLOPs for each token, bytes.</summary>");
            using (writer.Block("public static class Cost"))
            {
                Constant(writer, "Parameters", costs.Parameters, "Number of values, trained and frozen.");
                if (costs.TrainedParameters < costs.Parameters) Constant(writer, "TrainedParameters", costs.TrainedParameters, "Those that are trained: the adapters.");
                Constant(writer, "ForwardFlopsPerToken", costs.ForwardFlops, "Floating-point operations of the forward pass for each token.");
                Constant(writer, "BackwardFlopsPerToken", costs.BackwardFlops, "The same of the backward pass, what is computed again apart.");
                Constant(writer, "RecomputedFlopsPerToken", costs.RecomputedFlops, "What the backward pass computes again for each token.");
                Constant(writer, "WeightBytes", costs.WeightBytes, "The fp32 weights.");
                Constant(writer, "CopyBytes", costs.CopyBytes, "Their copy in the compute type.");
                Constant(writer, "GradientBytes", costs.GradientBytes, "The fp32 gradients.");
                Constant(writer, "OptimizerBytes", costs.OptimizerBytes, "What the optimizer carries from step to step.");
                if (costs.OptimizerWorkBytes > 0) Constant(writer, "OptimizerWorkBytes", costs.OptimizerWorkBytes, "What it calculates an update in.");
                Constant(writer, "AverageBytes", costs.AverageBytes, "The averaged weights.");
                if (costs.PruningBytes > 0) Constant(writer, "PruningBytes", costs.PruningBytes, "The mask, and what the method carries from step to step.");
                if (costs.MetaBytes > 0) Constant(writer, "MetaBytes", costs.MetaBytes, "What meta-learning holds besides.");
                Constant(writer, "ActivationBytes", costs.ActivationBytes, "All activations of a training step, in one arena.");
                if (costs.TeacherFlops > 0)
                {
                    Constant(writer, "TeacherFlopsPerToken", costs.TeacherFlops, "Floating-point operations of the teacher's forward pass for each token of training.");
                    Constant(writer, "TeacherBytes", costs.TeacherBytes, "The teacher's weights.");
                }
                if (costs.ScoringBytes > 0) Constant(writer, "ScoringBytes", costs.ScoringBytes, "The weights by which samples are scored.");
                Constant(writer, "TrainingBytes", costs.TrainingBytes, "All that training holds.");
                Constant(writer, "KvCacheBytesPerToken", costs.KvCacheBytes, "Keys and values for each token, in inference.");
                Constant(writer, "Fp32FileBytes", costs.Fp32FileBytes, "The weights in a safetensors file of fp32, without its header.");
                Constant(writer, "Bf16FileBytes", costs.Bf16FileBytes, "The same in bf16.");
                Constant(writer, "ExportBytes", costs.ExportBytes, "The weights in the exported model, as they are rounded there, without its graph.");
                if (costs.PrunedWeights > 0) Constant(writer, "PrunedWeights", costs.PrunedWeights, "Weights that pruning removes: zeros in every file.");
            }
            writer.Line().Line("// <report>");
            foreach (var line in ReportText.Markdown(context.Model).TrimEnd('\n').Split('\n')) writer.Line(("// " + line).TrimEnd());
            writer.Line("// </report>");
        });

    private static void Constant(SourceWriter writer, string name, long value, string summary) => writer.Lines(
        $"/// <summary>{summary}</summary>",
        $"public const long {name} = {Grouped(value)};");
}
