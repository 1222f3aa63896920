using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;

namespace ModelCompiler.Compiler.Passes;

/// <summary>FLOPs of functions and programs, a multiply-add counted as two.</summary>
public static class Costs
{
    /// <summary>Of these nodes of a function; a repeated block counts nothing here.</summary>
    public static long Flops(Function function, IEnumerable<Node> nodes)
    {
        var types = function.Types();
        return nodes.Where(n => !OpTable.IsRepeat(n)).Sum(n => Flops(n, types));
    }

    /// <summary>Of one node, by the types of its function's values.</summary>
    public static long Flops(Node node, Dictionary<string, TensorType> types) =>
        OpTable.Find(node.Op).Flops(new Inputs(node, node.Inputs.Select(i => i.Length == 0 ? null : types[i]).ToArray()));

    /// <summary>Of the gradients in a training program; what checkpointing computes a second time is not among them.</summary>
    public static long BackwardFlops(Graph training)
    {
        var main = training.Main;
        var loss = main.Nodes.ToList().FindLastIndex(IsLoss);
        var total = Flops(main, main.Nodes.Skip(loss + 1).Where(n => n.Op != ErrorNorm.OpName));
        // Its gradient op computes the logits and the loss itself, which belong to the forward pass.
        if (main.Nodes[loss].Op == "linear_cross_entropy") total -= Flops(main, [main.Nodes[loss]]);
        return total + Repeats(training).Sum(repeat =>
            repeat.Times * Flops(repeat.Backward, repeat.Backward.Nodes.Where(n => !repeat.Forward.Computes(n))));
    }

    /// <summary>What the forward pass of a step saves whose dropping layers see this many tokens of each sequence.</summary>
    public static long DroppedFlops(Graph training, long kept) => training.Main.Nodes
        .Where(n => n.Op == "repeat" && n.Attributes.Has("drop_first"))
        .Sum(repeat =>
        {
            var block = training.Block(repeat.Attributes.String("block"));
            var fewer = DropTokens.Seeing(block, kept);
            return (repeat.Attributes.Long("drop_end") - repeat.Attributes.Long("drop_first")) * (Flops(block, block.Nodes) - Flops(fewer, fewer.Nodes));
        });

    /// <summary>What a training program computes a second time.</summary>
    public static long RecomputedFlops(Graph training)
    {
        var total = 0L;
        foreach (var (name, times, forward, backward) in Repeats(training))
        {
            total += times * Flops(backward, backward.Nodes.Where(n => forward.Computes(n)));
            if (training.Segments.FirstOrDefault(s => s.Block == name) is not { } segments) continue;
            var recompute = training.Block(FunctionNames.Recompute(name));
            var layers = segments.Starts[segments.Count - 1];
            total += Flops(training.Main, segments.Again);
            total += ((layers - (segments.Count - 1)) * Flops(forward, forward.Nodes)) + ((segments.Count - 1) * Flops(recompute, recompute.Nodes));
        }
        return total;
    }

    /// <summary>Whether the node computes the loss, so that those after it belong to the backward pass.</summary>
    public static bool IsLoss(Node node) => node.Op is "cross_entropy" or "linear_cross_entropy" or SquaredError.OpName;

    private static IEnumerable<(string Name, long Times, Function Forward, Function Backward)> Repeats(Graph training) =>
        from repeat in training.Main.Nodes
        where repeat.Op == "repeat"
        let name = repeat.Attributes.String("block")
        select (name, repeat.Attributes.Long("times"), training.Block(name), training.Block(FunctionNames.Backward(name)));
}
