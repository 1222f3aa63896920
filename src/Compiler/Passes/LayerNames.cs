using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>The names of layers that a <see cref="LayerPattern"/> is compared with.</summary>
internal static class LayerNames
{
    /// <summary>The name of the layer that a node belongs to, or of a part of it: <c>head</c>, <c>blocks.*.mlp.up</c>.</summary>
    public static string Of(Function function, Node node) => Prefix(function) + node.Outputs[0].Name;

    /// <summary>What the names of a function's layers begin with in the whole model.</summary>
    public static string Prefix(Function function) => function.Name == "main" ? "" : BlockNames.Layers(function.Name) + ".";

    /// <summary>Whether a pattern of <c>precision</c>, by which blocks were divided, speaks of what a node computes.</summary>
    public static bool Match(LayerPattern pattern, Function function, Node node) => function.Name == "main"
        ? pattern.Matches(node.Outputs[0].Name)
        : BlockNames.EachLayer(function.Name).Any(layer => pattern.Matches($"{layer}.{node.Outputs[0].Name}"));

    /// <exception cref="PassException">The pattern matches none of the nodes.</exception>
    public static void Check(Graph graph, string pattern, string specPath, Func<Node, bool> counts)
    {
        var functions = graph.Blocks.Append(graph.Main).ToList();
        if (functions.Any(f => f.Nodes.Where(counts).Any(n => Match(new LayerPattern(pattern), f, n)))) return;
        var layers = functions.SelectMany(f => f.Nodes.Where(counts).Select(n => Of(f, n))).ToList();
        var all = new LayerPattern(pattern).WithoutIndices();
        if (all != pattern && layers.Any(new LayerPattern(all).Matches))
            throw new PassException(OneLayer(graph, functions.First(f => f.Nodes.Any(n => new LayerPattern(all).Matches(Of(f, n)))).Name, pattern, all, specPath));
        // The product of a layer with a bias has the layer's name and a suffix.
        var names = layers.Select(name => name.EndsWith(".product", StringComparison.Ordinal) ? name.Substring(0, name.LastIndexOf('.')) : name).Distinct().ToList();
        throw new PassException(DiagnosticCatalog.PrecisionLayer.At(
            specPath, $"the model has no such layer as '{pattern}' here; {Suggestion.For(pattern, names, "layers")}"));
    }

    /// <summary>What is wrong with a pattern that would match without its number.</summary>
    private static Diagnostic OneLayer(Graph graph, string function, string pattern, string all, string specPath)
    {
        var block = BlockNames.Whole(function);
        var layers = graph.Main.Nodes.Where(n => n.Op == "repeat" && BlockNames.Whole(n.Attributes.String("block")) == block).Sum(n => n.Attributes.Int("times"));
        if (!Enumerable.Range(0, layers).Any(i => new LayerPattern(pattern).Under(BlockNames.Layer(block, i)) is not null))
            return DiagnosticCatalog.PrecisionLayer.At(specPath,
                $"the model has no such layer as '{pattern}' here; its layers are {BlockNames.Layer(block, 0)} to {BlockNames.Layer(block, layers - 1)}");
        var why = graph.LayersOfSet(function) > 1 ? "whose layers share parameters" : "of whose layers pruning removes some";
        return DiagnosticCatalog.PrecisionOfOneLayer.At(specPath, $"'{pattern}' singles out a layer of a block {why}; write '{all}' for all of them");
    }
}
