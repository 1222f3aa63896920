using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>Divides the layers of a repeated block into segments of which only the inputs are kept (Chen et al. 2016).</summary>
internal static class Segmentation
{
    /// <summary>The first layer of each segment of n layers, and the number of layers.</summary>
    public static List<int> Every(int n, int times) => [.. Enumerable.Range(0, times).Where(i => i % n == 0), times];

    /// <summary>Segments of about the root of the number of layers.</summary>
    public static List<int> Sqrt(int times) => Every((int)Math.Round(Math.Sqrt(times)), times);

    /// <summary>Segments that start at these blocks, and at the first.</summary>
    public static List<int> At(IEnumerable<string> boundaries, string block, int times)
    {
        var prefix = BlockNames.Whole(block) + ".";
        var inner = boundaries.Where(b => b.StartsWith(prefix, StringComparison.Ordinal)).Select(b => int.Parse(b.Substring(prefix.Length)) - BlockNames.First(block));
        return [0, .. inner.Where(i => i > 0 && i < times), times];
    }

    /// <summary>Adds the segments and the function that computes the last layer of one again; one segment is none.</summary>
    public static Graph Divide(Graph graph, string block, List<int> starts) => starts.Count < 3 ? graph : graph with
    {
        Segments = graph.Segments.Append(new Segments(block, starts.ToEquatableArray()) { Again = Again(graph, block, starts.Count - 1).ToEquatableArray() }).ToEquatableArray(),
        Blocks = graph.Blocks.Append(Recompute(graph.Block(block))).ToEquatableArray(),
    };

    /// <summary>
    /// What gives the input of the first segment, an embedding and its positions, where that is cheap, needs no more than one buffer and
    /// is read by nothing else. With two segments the buffer of the second's input is still full when the first's is written.
    /// </summary>
    private static List<Node> Again(Graph graph, string block, int segments)
    {
        var (main, repeat, again) = (graph.Main, graph.Repeat(block), new List<Node>());
        var value = repeat.Inputs[0];
        if (segments < 3) return [];
        while (!main.Inputs.Any(i => i.Name == value))
        {
            var node = main.Nodes.First(n => n.Outputs.Any(o => o.Name == value));
            var readers = main.Nodes.Count(n => n.Inputs.Contains(value));
            if (readers > 1 || node.Outputs.Count > 1 || OpTable.IsRepeat(node) || !Rematerialization.IsCheap(node) || main.Outputs.Contains(value)) return [];
            var values = node.Uses.Where(u => !main.Parameters.Any(p => p.Name == u)).ToList();
            if (values.Count != 1 || (again.Count > 0 && !OpTable.Find(again[0].Op).InPlace(0))) return [];
            again.Insert(0, node);
            value = values[0];
        }
        return again;
    }

    /// <summary>The nodes that these values need, in order.</summary>
    public static List<Node> Needed(Function function, IEnumerable<string> values)
    {
        var needed = new HashSet<string>(values);
        var nodes = new List<Node>();
        foreach (var node in function.Nodes.Reverse())
        {
            if (!node.Outputs.Any(o => needed.Contains(o.Name))) continue;
            nodes.Insert(0, node);
            needed.UnionWith(node.Uses);
        }
        return nodes;
    }

    /// <summary>The forward function without what only its output needs: for the last layer of a segment.</summary>
    private static Function Recompute(Function forward)
    {
        var nodes = Needed(forward, forward.Saved.Select(s => s.Name));
        var read = new HashSet<string>(nodes.SelectMany(n => n.Uses));
        return forward with
        {
            Name = FunctionNames.Recompute(forward.Name),
            Nodes = nodes.ToEquatableArray(),
            Outputs = EquatableArray<string>.Empty,
            Parameters = forward.Parameters.Where(p => read.Contains(p.Name)).ToEquatableArray(),
        };
    }
}
