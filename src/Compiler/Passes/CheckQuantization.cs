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
        var weights = new LayerWeights(quantization);
        foreach (var function in graph.Blocks.Append(graph.Main))
            foreach (var node in function.Nodes.Where(n => n.Op is "linear" or "expert_linear"))
                if (LayerNames.Of(function, node) is var layer && weights.Of(layer) is WeightType.Int4 or WeightType.Int2)
                    CheckGroup(quantization.Group, layer, function.Parameter(node.Inputs[1]).Type.Last.Value);
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

    /// <summary>A last group that is not full is filled up with zeros; where it is the only one, they may be most of what is stored.</summary>
    private static void CheckGroup(int group, string layer, long columns)
    {
        if (columns >= group) return;
        var fitting = QuantizationSpec.Groups.LastOrDefault(fewer => fewer <= columns);
        throw new PassException(DiagnosticCatalog.QuantizationRow.At("efficiency.quantization.group",
            $"the rows of '{layer}' have {columns} weights, fewer than the {group} of a group, and would be filled up with zeros; "
            + (fitting > 0 ? $"write 'group: {fitting}', or add the layer to 'keep'" : "add the layer to 'keep'")));
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
