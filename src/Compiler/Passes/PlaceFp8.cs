using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Gives the linear layers that <c>fp8</c> names products with 8-bit operands, in training only: inference would quantize the weights
/// again at each token. Activations between layers and the copy of the weights stay bf16.
/// Before: y = linear(x, w). After: y = linear_fp8(x, w).
/// </summary>
public sealed class PlaceFp8 : Pass
{
    private const int Multiple = 16;

    public override Graph Run(Graph graph, ModelSpec spec)
    {
        var written = spec.Efficiency.Precision.Fp8;
        for (var i = 0; i < written.Count; i++)
        {
            var path = $"efficiency.precision.fp8[{i}]";
            LayerNames.Check(graph, written[i], path, node => node.Op is "linear" or "linear_fp8");
            var pattern = new LayerPattern(written[i]);
            graph = graph.MapFunctions(function => function with { Nodes = function.Nodes.Select(node => Place(graph, function, node, pattern, path)).ToEquatableArray() });
        }
        return graph;
    }

    private static Node Place(Graph graph, Function function, Node node, LayerPattern pattern, string specPath)
    {
        if (node.Op != "linear" || !LayerNames.Match(pattern, function, node)) return node;
        var (weight, y) = (function.Parameter(node.Inputs[1]).Type, node.Outputs[0].Type!);
        if (weight.DType != DType.BF16) return node; // what 'fp32' names too, or shares with such a layer
        var rows = graph.Main.Inputs[0].Type!.Elements;
        if (weight.Shape.Any(d => d.Value % Multiple != 0) || rows % Multiple != 0)
            throw new PassException(DiagnosticCatalog.Fp8Shape.At(specPath,
                $"'{LayerNames.Of(function, node)}' multiplies [{rows}, {weight.Last.Value}] by [{weight.Last.Value}, {y.Last.Value}], but fp8 products need "
                + $"multiples of {Multiple}; change the width, batch or context, or leave the layer out"));
        return node with { Op = "linear_fp8" };
    }
}
