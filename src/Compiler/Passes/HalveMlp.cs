using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Runs the MLPs of repeated blocks over half of the rows at a time, forward and backward, where a batch has many: what lies about an
/// activation function, the widest values of a block, then needs half of the memory (Liu and Abbeel 2023, <i>Blockwise parallel
/// transformer</i>; Kitaev et al. 2020). Gradients of weights are sums over one half and then the other, which rounds otherwise than one sum
/// does: so which products and sums are halved follows from the block alone, not from what is computed again, and few rows stay together.
/// Before: up = linear(x, w); a = gelu(up); y = linear(a, v). After, the same nodes in a loop: for each half, up, a and y of its rows.
/// </summary>
public sealed class HalveMlp : Pass
{
    /// <summary>Rows of a half below which products become slow.</summary>
    private const long FewestRows = 1024;

    public override Graph Run(Graph graph, ModelSpec spec)
    {
        foreach (var repeat in graph.Main.Nodes.Where(n => n.Op == "repeat"))
        {
            var name = repeat.Attributes.String("block");
            var (forward, backward) = (graph.Block(name), graph.Block(FunctionNames.Backward(name)));
            if (!HasManyRows(forward, spec)) continue;
            var hidden = new HiddenValues(forward, backward);
            if (RowLoops.OfForward(forward, hidden) is not { } halved || RowLoops.OfBackward(backward, forward, hidden) is not { } halvedBackward) continue;
            graph = InferShapes.Replace(InferShapes.Replace(graph, halved), halvedBackward);
            if (graph.HasBlock(FunctionNames.Recompute(name)))
                graph = InferShapes.Replace(graph, RowLoops.Like(halved, graph.Block(FunctionNames.Recompute(name))));
        }
        return graph;
    }

    /// <summary>The values about a block's activation functions, which exist for half of the rows at a time; none where it stays whole.</summary>
    public static HashSet<string> Of(Graph graph, string block, ModelSpec spec)
    {
        var forward = graph.Block(block);
        return HasManyRows(forward, spec) ? [.. new HiddenValues(forward, graph.Block(FunctionNames.Backward(block))).All] : [];
    }

    /// <summary>Whether a batch has enough rows, in two halves at each of its lengths.</summary>
    private static bool HasManyRows(Function forward, ModelSpec spec)
    {
        var type = forward.Inputs[0].Type!;
        return type.Rows >= 2 * FewestRows
            && (type.Shape[0].Value % 2 == 0 || (TokenDropSpec.Kept(spec).Count == 0 && CurriculumSpec.Lengths(spec).All(length => length % 2 == 0)));
    }
}
