using System.Globalization;
using System.Text;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Report;

/// <summary>The report for people: a compact table, which the build prints, and more in Markdown.</summary>
internal static class ReportText
{
    private const int Buffers = 8;

    /// <summary>A line of the compact table.</summary>
    public readonly record struct Row(string Name, string Value, string Note);

    public static IEnumerable<Row> Rows(CompiledModel model)
    {
        var (costs, spec) = (model.Costs, model.Spec);
        if (model.Size is { } size)
            yield return new("size aimed at", new Count(Math.Round(size.Wanted.Target)).ToString(), $"chosen: width {size.Width}, layers {size.Layers}, heads {size.Heads}");
        var compute = spec.Efficiency.Precision.Compute.ToString().ToLowerInvariant();
        yield return new("parameters", Number(costs.Parameters), Largest(costs));
        if (costs.TrainedParameters < costs.Parameters)
            yield return new("trained parameters", Number(costs.TrainedParameters), $"adapters; {Bytes(4 * costs.TrainedParameters)} in a file");
        yield return new("FLOPs a token, forward", Flops(costs.ForwardFlops), $"{Flops(costs.BackwardFlops)} backward"
            + (costs.RecomputedFlops > 0 ? $", and {Flops(costs.RecomputedFlops)} computed again" : "")
            + (costs.DroppedFlops > 0 ? $"; {Flops(costs.ForwardFlops - costs.DroppedFlops)} forward while the most tokens are dropped" : ""));
        yield return new("weights", Bytes(costs.WeightBytes), costs.CopyBytes > 0 ? $"and {Bytes(costs.CopyBytes)} of a copy in {compute}" : "fp32");
        yield return new("gradients", Bytes(costs.GradientBytes), "fp32");
        yield return new("optimizer state", Bytes(costs.OptimizerBytes), KebabCase.Of(spec.Training.Optimizer.Kind.ToString()));
        if (costs.OptimizerWorkBytes > 0) yield return new("its products", Bytes(costs.OptimizerWorkBytes), "on the CPU, where a batch of matrices is orthogonalized");
        if (costs.AverageBytes > 0) yield return new("averaged weights", Bytes(costs.AverageBytes), "fp32");
        if (costs.PruningBytes > 0) yield return new("pruning", Bytes(costs.PruningBytes), "a mask of a byte a parameter, and what the method carries");
        if (costs.MetaBytes > 0) yield return new("adaptation", Bytes(costs.MetaBytes), "the adapted copy, its gradients and rates" + (model.Hessian is null ? "" : ", the inner steps"));
        yield return new("activations", Bytes(costs.ActivationBytes), $"{spec.Training.Batch} × {spec.Architecture.Context} tokens"
            + (costs.ActivationBytesKept is { } kept ? $"; {Bytes(kept)} without checkpointing" : ""));
        if (costs.SegmentBytes > 0) yield return new("memory of earlier segments", Bytes(costs.SegmentBytes), "of training, before and after a step, and of evaluation");
        if (model.Teacher is { } teacher)
            yield return teacher.IsCached
                ? new("teacher", Bytes(0), $"{teacher.Name}'s {teacher.Values.TopK} likeliest tokens are kept; its forward pass takes {Flops(costs.TeacherFlops)} FLOPs a token, once")
                : new("teacher", Bytes(costs.TeacherBytes), $"{teacher.Name}'s weights; its forward pass takes {Flops(costs.TeacherFlops)} FLOPs a token of training");
        if (model.Scoring is { } scoring)
            yield return new("scoring of samples", Bytes(costs.ScoringBytes), $"weights in {KebabCase.Of(scoring.Model.Spec.Efficiency.Precision.Compute.ToString())}");
        yield return new("training in all", Bytes(costs.TrainingBytes), "");
        if (costs.KvCacheBytes > 0)
            yield return new("KV cache a token", Bytes(costs.KvCacheBytes),
                $"{Bytes(costs.KvCacheBytes * spec.Architecture.Context)} for {spec.Architecture.Context} tokens{(spec.Efficiency.Quantization?.KvCache == KvCacheType.Int8 ? ", in the export" : "")}");
        yield return new("safetensors", Bytes(costs.Fp32FileBytes), $"fp32; {Bytes(costs.Bf16FileBytes)} in bf16");
        if (spec.Efficiency.Quantization is { } quantization)
            yield return new("export", Bytes(costs.ExportBytes), $"{KebabCase.Of(quantization.Weights.ToString())}; {((double)costs.Fp32FileBytes / costs.ExportBytes).ToString("0.0", CultureInfo.InvariantCulture)} times smaller than fp32");
        if (costs.Pruned is { } smaller)
            yield return new("without the pruned parts", Number(smaller.Parameters), $"parameters, {Flops(smaller.ForwardFlops)} FLOPs a token forward"
                + $"{(smaller.KvCacheBytes > 0 ? $", a KV cache of {Bytes(smaller.KvCacheBytes)} a token" : "")}, {Bytes(smaller.Fp32FileBytes)} in fp32: {model.Spec.Model}Pruned");
        if (costs.PrunedWeights > 0)
            yield return new("pruned weights", Number(costs.PrunedWeights), $"{Share(costs.PrunedWeights, costs.PrunableWeights)} of the targets; files and products keep the zeros: "
                + $"no speed, and {Bytes(costs.SparseBytes)} where a removed weight takes one bit");
    }

    /// <summary>The whole report in Markdown. The compact table is the indented lines under the title.</summary>
    public static string Markdown(CompiledModel model)
    {
        var costs = model.Costs;
        var text = new StringBuilder($"# {model.Spec.Model}\n\n");
        var rows = Rows(model).ToList();
        var (names, values) = (rows.Max(r => r.Name.Length), rows.Max(r => r.Value.Length));
        foreach (var (name, value, note) in rows)
            text.Append($"    {name.PadRight(names)}  {value.PadLeft(values)}  {note}".TrimEnd()).Append('\n');

        Size(text, model);
        text.Append("\n## Layers\n\n| layer | times | parameters | share | forward FLOPs a token | share | KV cache a token |\n|---|--:|--:|--:|--:|--:|--:|\n");
        foreach (var layer in costs.Layers)
            text.Append($"| {layer.Name} | {layer.Times} | {Number(layer.Parameters)} | {Share(layer.Parameters, costs.Parameters)} "
                + $"| {Number(layer.ForwardFlops)} | {Share(layer.ForwardFlops, costs.ForwardFlops)} | {(layer.KvCache > 0 ? Bytes(layer.KvCache) : "")} |\n");

        text.Append("\n## Largest activations\n\nThe arena is smaller than its buffers together, for they are not all needed at once.\n\n| buffer | size |\n|---|--:|\n");
        foreach (var part in model.Training.Memory!.Largest(Buffers))
            text.Append($"| {part.Name} | {Bytes(part.Bytes)} |\n");
        return text.ToString();
    }

    /// <summary>The choice as YAML, to be pinned.</summary>
    private static void Size(StringBuilder text, CompiledModel model)
    {
        if (model.Size is not { } size) return;
        text.Append("\n## Size\n\nIn place of `size` this keeps the choice whatever else changes:\n\n"
            + $"```yaml\n  width: {size.Width}\n  layers: {size.Layers}\n  heads: {size.Heads}\n```\n");
        if (size.Wanted.Compute is not { } compute) return;
        var training = model.Spec.Training;
        var tokens = compute.Value / (6.0 * model.Costs.Parameters);
        var step = (double)model.Costs.Tokens * training.Accumulate;
        text.Append($"\n{compute} FLOPs are {new Count(tokens)} tokens of training for these parameters: {Number((long)Math.Ceiling(tokens / step))} steps of "
            + $"{Number((long)step)} tokens. The declared {Number(training.Steps)} steps are {new Count(training.Steps * step)} tokens.\n");
    }

    /// <summary>The three layers with the most parameters.</summary>
    private static string Largest(CostReport costs) => string.Join(", ", costs.Layers.Where(l => l.Parameters > 0)
        .OrderByDescending(l => l.Parameters).Take(3).Select(l => $"{l.Name} {Share(l.Parameters, costs.Parameters)}"));

    private static string Share(long part, long all) => (100.0 * part / all).ToString("0.0", CultureInfo.InvariantCulture) + " %";

    private static string Number(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    private static string Flops(long value) => new Count(value).ToString();

    private static string Bytes(long value) => new ByteSize(value).ToString();
}
