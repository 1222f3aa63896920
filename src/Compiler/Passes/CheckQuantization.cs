using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Holds the patterns of <c>quantization</c> against the linear layers that an export has; changes nothing. Which layers they mean is
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
        return graph;
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
