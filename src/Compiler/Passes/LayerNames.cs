using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>The names of layers that a <see cref="LayerPattern"/> is compared with.</summary>
internal static class LayerNames
{
    /// <summary>The name of the layer that a node belongs to, or of a part of it: <c>head</c>, <c>blocks.*.mlp.up</c>.</summary>
    public static string Of(Function function, Node node) => (function.Name == "main" ? "" : function.Name + ".*.") + node.Outputs[0].Name;

    /// <exception cref="PassException">The pattern matches none of the nodes.</exception>
    public static void Check(Graph graph, string pattern, string specPath, Func<Node, bool> counts)
    {
        var layers = graph.Blocks.Append(graph.Main).SelectMany(f => f.Nodes.Where(counts).Select(n => Of(f, n))).ToList();
        if (layers.Any(new LayerPattern(pattern).Matches)) return;
        var all = new LayerPattern(pattern).WithoutIndices();
        if (all != pattern && layers.Any(new LayerPattern(all).Matches))
            throw new PassException(DiagnosticCatalog.PrecisionOfOneLayer.At(specPath,
                $"'{pattern}' singles out a layer of a repeated block, whose layers share their code; write '{all}' for all of them, "
                + "or give that layer a block of its own in 'blocks'"));
        // The product of a layer with a bias has the layer's name and a suffix.
        var names = layers.Select(name => name.EndsWith(".product", StringComparison.Ordinal) ? name.Substring(0, name.LastIndexOf('.')) : name).Distinct().ToList();
        throw new PassException(DiagnosticCatalog.PrecisionLayer.At(
            specPath, $"the model has no such layer as '{pattern}' here; {Suggestion.For(pattern, names, "layers")}"));
    }
}
