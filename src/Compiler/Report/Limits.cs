using System.Globalization;
using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Report;

/// <summary>Compares what a model costs with its <c>limits</c>, and names what contributes most where it costs more.</summary>
internal static class Limits
{
    private const int Named = 3;

    public static IEnumerable<Diagnostic> Check(LimitsSpec limits, CostReport costs)
    {
        if (limits.Parameters is { } parameters && costs.Parameters > parameters.Value)
            yield return Exceeded("parameters", $"the model has {Number(costs.Parameters)} parameters, more than {parameters}",
                costs.Layers.Select(l => (l.Name, l.Parameters)), n => Number(n), "a smaller width, vocabulary or number of layers");
        if (limits.FlopsPerToken is { } flops && costs.ForwardFlops > flops.Value)
            yield return Exceeded("flops-per-token", $"a token's forward pass takes {Number(costs.ForwardFlops)} FLOPs, more than {flops}",
                costs.Layers.Select(l => (l.Name, l.ForwardFlops)), n => new Count(n).ToString(), "a smaller width, context or number of layers");
        if (limits.Memory is { } memory && costs.TrainingBytes > memory.Bytes)
            yield return Exceeded("memory", $"training holds {new ByteSize(costs.TrainingBytes)}, more than {memory}",
            [
                ("weights", costs.WeightBytes + costs.CopyBytes), ("gradients", costs.GradientBytes), ("optimizer state", costs.OptimizerBytes),
                ("activations", costs.ActivationBytes), .. costs.OtherTrainingBytes,
            ], n => new ByteSize(n).ToString(), "a smaller training.batch, or efficiency.checkpoint");
        if (limits.KvCachePerToken is { } cache && costs.KvCacheBytes > cache.Bytes)
            yield return Exceeded("kv-cache-per-token", $"the key-value cache holds {new ByteSize(costs.KvCacheBytes)} for each token, more than {cache}",
                costs.Layers.Select(l => (l.Name, l.KvCache)), n => new ByteSize(n).ToString(), "fewer kv-heads or layers");
    }

    private static Diagnostic Exceeded(
        string key, string what, IEnumerable<(string Name, long Amount)> parts, Func<long, string> spell, string remedy)
    {
        var all = parts.Where(p => p.Amount > 0).OrderByDescending(p => p.Amount).ToList();
        var total = all.Sum(p => (double)p.Amount);
        var most = all.Take(Named).Select(p => $"{p.Name} {spell(p.Amount)} ({(100 * p.Amount / total).ToString("0", CultureInfo.InvariantCulture)} %)");
        return DiagnosticCatalog.Limit.At("limits." + key, $"{what}; the most is in {string.Join(", ", most)}; raise the limit, or take {remedy}");
    }

    private static string Number(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);
}
