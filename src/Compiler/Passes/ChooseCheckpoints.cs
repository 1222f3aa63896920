using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Decides what the backward pass reads and what it computes again. Two levels:
/// <list type="bullet">
/// <item>Within a block, cheap ops (norms, activations, rotations) run again whenever that saves bytes: their inputs are
/// mostly kept anyway. Always on, since it costs a pass over memory and no matrix product.</item>
/// <item>Over blocks, <c>checkpoint</c> divides the layers into segments of which only the inputs are kept
/// (Chen et al. 2016). The last segment is never computed again: its backward pass follows at once.</item>
/// </list>
/// The kernels and their inputs are the same, so gradients are bit-identical.
/// </summary>
public sealed class ChooseCheckpoints : Pass
{
    public override Graph Run(Graph graph, ModelSpec spec)
    {
        foreach (var block in graph.Main.Nodes.Where(n => n.Op == "repeat").Select(n => n.Attributes.String("block")))
            graph = RematerializeCheapOps(graph, block);
        if (spec.Efficiency.Checkpoint is not { } checkpoint) return graph;

        foreach (var block in graph.Main.Nodes.Where(n => n.Op == "repeat").Select(n => n.Attributes.String("block")))
        {
            var starts = Starts(checkpoint, block, graph.Times(block));
            if (starts.Count < 3) continue;
            graph = graph with
            {
                Segments = graph.Segments.Append(new Segments(block, starts.ToEquatableArray())).ToEquatableArray(),
                Blocks = graph.Blocks.Append(Recompute(graph.Block(block))).ToEquatableArray(),
            };
        }
        return graph;
    }

    /// <summary>The first layer of each segment, and the number of layers.</summary>
    private static List<int> Starts(CheckpointSpec checkpoint, string block, int times)
    {
        var prefix = block + ".";
        var inner = checkpoint.Every is { } every
            ? Enumerable.Range(0, times).Where(i => i % every == 0)
            : checkpoint.Boundaries.Where(b => b.StartsWith(prefix, StringComparison.Ordinal)).Select(b => int.Parse(b.Substring(prefix.Length)));
        return inner.Where(i => i > 0 && i < times).Prepend(0).Append(times).ToList();
    }

    /// <summary>The forward function without what only its output needs: for the last layer of a segment.</summary>
    private static Function Recompute(Function forward)
    {
        var needed = new HashSet<string>(forward.Saved.Select(s => s.Name));
        var nodes = new List<Node>();
        foreach (var node in forward.Nodes.Reverse())
        {
            if (!node.Outputs.Any(o => needed.Contains(o.Name))) continue;
            nodes.Insert(0, node);
            needed.UnionWith(node.Uses);
        }
        return forward with
        {
            Name = FunctionNames.Recompute(forward.Name),
            Nodes = nodes.ToEquatableArray(),
            Outputs = EquatableArray<string>.Empty,
            Parameters = forward.Parameters.Where(p => needed.Contains(p.Name)).ToEquatableArray(),
        };
    }

    private static Graph RematerializeCheapOps(Graph graph, string block)
    {
        var forward = graph.Block(block);
        var backward = graph.Block(FunctionNames.Backward(block));
        var plan = new RematerializationPlan(forward);
        var repeated = plan.Repeated;
        if (repeated.Count == 0) return graph;

        // A repeated node runs just before the first reader of its outputs, so that they live shortly.
        var nodes = backward.Nodes.ToList();
        foreach (var node in repeated.AsEnumerable().Reverse())
        {
            var outputs = new HashSet<string>(node.Outputs.Select(o => o.Name));
            nodes.Insert(nodes.FindIndex(n => n.Uses.Any(outputs.Contains)), node);
        }
        var saved = forward.Inputs.Concat(forward.Nodes.SelectMany(n => n.Outputs)).Where(v => plan.Saved.Contains(v.Name)).ToEquatableArray();
        graph = InferShapes.Replace(graph, forward with { Saved = saved });
        return InferShapes.Replace(graph, backward with { Saved = saved, Nodes = nodes.ToEquatableArray() });
    }

    /// <summary>
    /// Goes through the forward nodes backwards. A cheap node with saved outputs is repeated instead, if the values that
    /// it needs and that nothing else keeps are fewer bytes than those outputs.
    /// </summary>
    private sealed class RematerializationPlan
    {
        private readonly Dictionary<string, TensorType> _types;
        private readonly Dictionary<string, Node> _producers;
        private readonly HashSet<string> _free;

        public RematerializationPlan(Function forward)
        {
            _types = forward.Types();
            _producers = forward.Nodes.SelectMany(n => n.Outputs.Select(o => (o.Name, n))).ToDictionary(p => p.Name, p => p.n);
            _free = [.. forward.Parameters.Select(p => p.Name)];
            Saved = [.. forward.Saved.Select(s => s.Name)];
            foreach (var node in forward.Nodes.Reverse())
            {
                var outputs = node.Outputs.Select(o => o.Name).Where(Saved.Contains).ToList();
                if (outputs.Count == 0 || !OpTable.Find(node.Op).Cheap) continue;
                if (node.Uses.Sum(Cost) >= outputs.Sum(o => _types[o].Bytes)) continue;
                Repeated.Insert(0, node);
                Saved.ExceptWith(outputs);
                Saved.UnionWith(node.Uses.Where(u => !_free.Contains(u)));
            }
        }

        public HashSet<string> Saved { get; }

        /// <summary>In forward order.</summary>
        public List<Node> Repeated { get; } = [];

        /// <summary>Bytes to keep so that the value is there in the backward pass.</summary>
        private long Cost(string value)
        {
            if (_free.Contains(value) || Saved.Contains(value)) return 0;
            var keep = _types[value].Bytes;
            return _producers.TryGetValue(value, out var node) && OpTable.Find(node.Op).Cheap ? Math.Min(keep, node.Uses.Sum(Cost)) : keep;
        }
    }
}
