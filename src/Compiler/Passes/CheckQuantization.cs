using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Holds <c>quantization</c> against what an export has, its patterns against the linear layers; changes nothing. Which layers they mean is
/// decided where weights are rounded, by the same patterns.
/// </summary>
public sealed class CheckQuantization : Pass
{
    public override Graph Run(Graph graph, ModelSpec spec)
    {
        if (spec.Efficiency.Quantization is not { } quantization) return graph;
        var layers = graph.Blocks.Append(graph.Main)
            .SelectMany(f => f.Nodes.Where(n => n.Op is "linear" or "expert_linear").Select(n => LayerNames.Of(f, n))).ToList();
        Check("keep", quantization.Keep.Select(pattern => pattern == QuantizationSpec.Auto ? "*" : pattern), layers);
        Check("int8", quantization.Int8, layers);
        Check("int4", quantization.Int4, layers);
        if (quantization.KvCache == KvCacheType.Int8 && WithoutCache(graph) is { } reason)
            throw new PassException(DiagnosticCatalog.QuantizedCache.At("efficiency.quantization.kv-cache", reason + "; remove 'kv-cache'"));
        return graph;
    }

    /// <summary>Why the export has no cache of keys and values, or none of 8 bits.</summary>
    private static string? WithoutCache(Graph graph)
    {
        var nodes = graph.Blocks.Append(graph.Main).SelectMany(function => function.Nodes).ToList();
        return graph.Encoding is not null ? "the model reads whole sequences and keeps no keys and values"
            : nodes.Any(n => n.Op == "relative_attention") ? "relative attention keeps a memory of segments, which has no form in 8 bits"
            : !nodes.Any(n => n.Op == "attention") ? "the model has no attention, and so no keys and values"
            : null;
    }

    private static void Check(string key, IEnumerable<string> patterns, List<string> layers)
    {
        foreach (var (written, i) in patterns.Select((pattern, i) => (pattern, i)))
        {
            // Of a repeated block a single layer may be named: its weights are its own.
            var pattern = new LayerPattern(new LayerPattern(written).WithoutIndices());
            if (!layers.Any(pattern.Matches))
                throw new PassException(DiagnosticCatalog.QuantizationLayer.At(
                    $"efficiency.quantization.{key}[{i}]",
                    $"the model has no such linear layer as '{written}'; {Suggestion.For(written, layers, "layers")}"));
        }
    }
}
