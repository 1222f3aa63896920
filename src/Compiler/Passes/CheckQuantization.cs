using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Holds the patterns of <c>quantization.keep</c> against the linear layers that an export has; changes nothing. Which layers are kept is
/// decided where weights are rounded, by the same patterns.
/// </summary>
public sealed class CheckQuantization : Pass
{
    public override Graph Run(Graph graph, ModelSpec spec)
    {
        if (spec.Efficiency.Quantization is not { } quantization) return graph;
        var layers = graph.Blocks.Append(graph.Main)
            .SelectMany(f => f.Nodes.Where(n => n.Op == "linear").Select(n => LayerNames.Of(f, n))).ToList();
        for (var i = 0; i < quantization.Keep.Count; i++)
        {
            // Of a repeated block a single layer may be kept: its weights are its own.
            var pattern = new LayerPattern(new LayerPattern(quantization.Keep[i]).WithoutIndices());
            if (!layers.Any(pattern.Matches))
                throw new PassException(DiagnosticCatalog.QuantizationLayer.At(
                    $"efficiency.quantization.keep[{i}]",
                    $"the model has no such linear layer as '{quantization.Keep[i]}'; {Suggestion.For(quantization.Keep[i], layers, "layers")}"));
        }
        return graph;
    }
}
