using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Which nodes of a block's forward function its backward function repeats, and what is kept so that it can. Goes through
/// the nodes backwards: a node of which something is needed is repeated if it must be, or if it is cheap and the values
/// that it reads and that nothing else keeps are fewer bytes than what it gives.
/// </summary>
internal sealed class Rematerialization
{
    private readonly ForwardPass _pass;
    private readonly Func<Node, bool> _must;
    private readonly HashSet<string> _kept;

    /// <param name="pass">The block's forward function; what it saves is what its backward function reads.</param>
    /// <param name="must">Whether a node is repeated in any case.</param>
    /// <param name="may">Whether a node may be repeated where that keeps fewer bytes.</param>
    public Rematerialization(ForwardPass pass, Func<Node, bool> must, Func<Node, bool> may)
    {
        (_pass, _must) = (pass, must);
        _kept = [.. Forward.Saved.Select(s => s.Name)];
        foreach (var node in Forward.Nodes.Reverse())
        {
            var outputs = node.Outputs.Select(o => o.Name).Where(_kept.Contains).ToList();
            if (outputs.Count == 0) continue;
            var pays = may(node) && node.Uses.Sum(u => Cost(u, may)) < outputs.Sum(pass.Bytes);
            if (!must(node) && !pays) continue;
            Repeated.Insert(0, node);
            _kept.ExceptWith(outputs);
            _kept.UnionWith(node.Uses.Where(u => !pass.IsParameter(u)));
        }
    }

    /// <summary>Only what costs a pass over memory and no matrix product.</summary>
    public static Rematerialization Cheap(Function forward) => new(new ForwardPass(forward), _ => false, IsCheap);

    /// <summary>The cheap nodes where that keeps fewer bytes, and those that give these values.</summary>
    public static Rematerialization With(ForwardPass pass, HashSet<string> repeated) => new(pass, node => repeated.Contains(node.Outputs[0].Name), IsCheap);

    /// <summary>Everything of which these names, or what lies under them, do not speak.</summary>
    public static Rematerialization Keeping(Function forward, IReadOnlyCollection<string> names) =>
        new(new ForwardPass(forward), node => !node.Outputs.Any(o => names.Any(n => Names(n, o.Name))), _ => false);

    /// <summary>Whether a name speaks of a value: attention of attention.mix.</summary>
    public static bool Names(string name, string value) => value == name || value.StartsWith(name + ".", StringComparison.Ordinal);

    public static bool IsCheap(Node node) => OpTable.Find(node.Op).Cheap;

    private Function Forward => _pass.Function;

    /// <summary>In forward order.</summary>
    public List<Node> Repeated { get; } = [];

    /// <summary>Bytes kept of one layer, its input apart.</summary>
    public long KeptBytes => _kept.Where(k => k != Forward.Inputs[0].Name).Sum(_pass.Bytes);

    /// <summary>FLOPs that one layer's backward pass repeats.</summary>
    public long Flops => Repeated.Sum(_pass.Flops);

    /// <summary>FLOPs of computing again what is kept of the last layer of a segment, without what only its output needs.</summary>
    public long FlopsOfKept => Segmentation.Needed(Forward, _kept).Sum(_pass.Flops);

    /// <summary>The graph with the repeated nodes in the block's backward function.</summary>
    public Graph Apply(Graph graph)
    {
        if (Repeated.Count == 0) return graph;
        var backward = graph.Block(FunctionNames.Backward(Forward.Name));
        var nodes = backward.Nodes.ToList();
        // A repeated node runs just before the first reader of its outputs, so that they live shortly.
        foreach (var node in Repeated.AsEnumerable().Reverse())
        {
            var outputs = new HashSet<string>(node.Outputs.Select(o => o.Name));
            nodes.Insert(nodes.FindIndex(n => n.Uses.Any(outputs.Contains)), node);
        }
        var saved = Forward.Inputs.Concat(Forward.Nodes.SelectMany(n => n.Outputs)).Where(v => _kept.Contains(v.Name)).ToEquatableArray();
        graph = InferShapes.Replace(graph, Forward with { Saved = saved });
        return InferShapes.Replace(graph, backward with { Saved = saved, Nodes = nodes.ToEquatableArray() });
    }

    /// <summary>Bytes to keep so that the value is there in the backward pass.</summary>
    private long Cost(string value, Func<Node, bool> may)
    {
        // The input of each layer is there in any case, in the residual stream.
        if (_pass.IsParameter(value) || _kept.Contains(value) || value == Forward.Inputs[0].Name) return 0;
        var keep = _pass.Bytes(value);
        if (_pass.Producer(value) is not { } node) return keep;
        return _must(node) ? node.Uses.Sum(u => Cost(u, may)) : may(node) ? Math.Min(keep, node.Uses.Sum(u => Cost(u, may))) : keep;
    }
}
