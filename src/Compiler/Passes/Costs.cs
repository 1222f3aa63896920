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
        return nodes.Where(n => !OpTable.IsRepeat(n))
            .Sum(n => OpTable.Find(n.Op).Flops(new Inputs(n, n.Inputs.Select(i => i.Length == 0 ? null : types[i]).ToArray())));
    }

    /// <summary>Of the whole program of a graph without segments, its blocks as often as they are repeated.</summary>
    public static long Flops(Graph graph) => Flops(graph.Main, graph.Main.Nodes) + graph.Main.Nodes.Where(n => n.Op == "repeat")
        .Sum(n => n.Attributes.Long("times") * Flops(graph.Block(n.Attributes.String("block")), graph.Block(n.Attributes.String("block")).Nodes));

    /// <summary>What a training program computes a second time.</summary>
    public static long RecomputedFlops(Graph training)
    {
        var total = 0L;
        foreach (var repeat in training.Main.Nodes.Where(n => n.Op == "repeat"))
        {
            var name = repeat.Attributes.String("block");
            var (forward, backward) = (training.Block(name), training.Block(FunctionNames.Backward(name)));
            var again = new HashSet<Node>(forward.Nodes);
            total += repeat.Attributes.Long("times") * Flops(backward, backward.Nodes.Where(again.Contains));
            if (training.Segments.FirstOrDefault(s => s.Block == name) is not { } segments) continue;
            var recompute = training.Block(FunctionNames.Recompute(name));
            var layers = segments.Starts[segments.Count - 1];
            total += ((layers - (segments.Count - 1)) * Flops(forward, forward.Nodes)) + ((segments.Count - 1) * Flops(recompute, recompute.Nodes));
        }
        return total;
    }
}
