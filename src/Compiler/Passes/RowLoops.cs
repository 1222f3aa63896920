using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Brings the nodes about a block's activation functions together in loops over halves of the rows. Nodes are in a loop because of the values that they
/// read and give; cheap neighbours, norms and sums, join where their values then exist for half of the rows too.
/// </summary>
internal sealed class RowLoops
{
    private const int None = -1;

    private readonly Function _function;
    private readonly List<Node> _nodes;
    private readonly RowValues _rows;
    private readonly Dictionary<string, int> _producers = [];
    private readonly Dictionary<string, List<int>> _readers = [];

    /// <summary>The loop of each node; <see cref="None"/> for none.</summary>
    private readonly int[] _loops;

    private RowLoops(Function function, Func<Node, int> loop)
    {
        (_function, _nodes, _rows) = (function, [.. function.Nodes], new RowValues(function));
        _loops = [.. _nodes.Select(loop)];
        for (var i = 0; i < _nodes.Count; i++)
        {
            foreach (var output in _nodes[i].Outputs) _producers[output.Name] = i;
            foreach (var input in _nodes[i].Uses.Distinct()) (_readers.TryGetValue(input, out var readers) ? readers : _readers[input] = []).Add(i);
        }
    }

    /// <summary>The forward function with its loops; null where they do not come together.</summary>
    public static Function? OfForward(Function forward, HiddenValues hidden)
    {
        var loops = new RowLoops(forward, hidden.Of);
        for (var i = loops._nodes.Count - 1; i >= 0; i--) loops.JoinReaders(i);
        for (var i = 0; i < loops._nodes.Count; i++) loops.JoinProducer(i);
        return loops.Divide();
    }

    /// <summary>
    /// The backward function with its loops. Repeated nodes of which only a gradient loop reads are in that loop; others about an activation have one of
    /// their own, before what reads them.
    /// </summary>
    public static Function? OfBackward(Function backward, Function forward, HiddenValues hidden)
    {
        var loops = new RowLoops(backward, node => hidden.Of(node) is >= 0 and var group ? group + (forward.Computes(node) ? hidden.Groups : 0) : None);
        for (var i = 0; i < loops._nodes.Count; i++)
            if (loops._nodes[i].Op is "layer_norm_grad" or "rms_norm_grad") loops.JoinProducer(i);
        for (var i = loops._nodes.Count - 1; i >= 0; i--)
            if (forward.Computes(loops._nodes[i])) loops.JoinReaders(i, below: hidden.Groups);
        return loops.Divide();
    }

    /// <summary>A function of some of the nodes of one with loops, in its order and its loops: their scratch is one.</summary>
    public static Function Like(Function halved, Function function)
    {
        var places = halved.Nodes.SelectMany((n, i) => n.Outputs.Select(o => (o.Name, i))).ToDictionary(p => p.Name, p => p.i);
        int Place(Node node) => places[node.Outputs[0].Name];
        var nodes = function.Nodes.OrderBy(Place).ToList();
        var result = new List<RowLoop>();
        foreach (var loop in halved.Halves)
        {
            bool IsIn(Node node) => Place(node) >= loop.First && Place(node) <= loop.Last;
            if (!nodes.Any(IsIn)) continue;
            var within = new HashSet<string>(nodes.Where(IsIn).SelectMany(n => n.Values));
            result.Add(new(nodes.FindIndex(IsIn), nodes.FindLastIndex(IsIn), loop.Inner.Where(within.Contains).ToEquatableArray(), loop.Sliced.Where(within.Contains).ToEquatableArray()));
        }
        return function with { Nodes = nodes.ToEquatableArray(), Halves = result.ToEquatableArray() };
    }

    /// <summary>Joins the loop that alone reads what a node gives.</summary>
    /// <param name="below">The loops that may be joined; a node that is in another may leave that one, one in none must be cheap.</param>
    private void JoinReaders(int node, int below = int.MaxValue)
    {
        if (_loops[node] == None && !IsCheap(node)) return;
        if (_nodes[node].Outputs.Any(o => _function.Outputs.Contains(o.Name))) return;
        var readers = _nodes[node].Outputs.SelectMany(Readers).Select(i => _loops[i]).Distinct().ToList();
        if (readers is [>= 0 and var loop] && loop < below) Join(node, loop);
    }

    /// <summary>Joins the loop of which a node alone reads a value: as a cheap node, or the gradient of a norm.</summary>
    private void JoinProducer(int node)
    {
        if (_loops[node] != None || !_rows.IsByRows(_nodes[node])) return;
        if (!IsCheap(node) && _nodes[node].Op is not ("layer_norm_grad" or "rms_norm_grad")) return;
        var inputs = IsCheap(node) ? _nodes[node].Uses : _nodes[node].Inputs.Take(1);
        foreach (var input in inputs)
            if (_producers.TryGetValue(input, out var producer) && _loops[producer] >= 0 && _readers[input].Count == 1 && !_function.Outputs.Contains(input))
            {
                Join(node, _loops[producer]);
                return;
            }
    }

    private bool IsCheap(int node) => Rematerialization.IsCheap(_nodes[node]) && _rows.IsByRows(_nodes[node]);

    private IEnumerable<int> Readers(Value value) => _readers.TryGetValue(value.Name, out var readers) ? readers : [];

    /// <summary>Unless something outside would have to run before one part of the loop and after another.</summary>
    private void Join(int node, int loop)
    {
        var before = _loops[node];
        _loops[node] = loop;
        if (Order() is null) _loops[node] = before;
    }

    /// <summary>The function in an order in which loops are whole; null if there is none.</summary>
    private Function? Divide()
    {
        if (Order() is not { } order) return null;
        var result = new List<RowLoop>();
        for (var first = 0; first < order.Count;)
        {
            var (loop, last) = (_loops[order[first]], first);
            while (loop != None && last + 1 < order.Count && _loops[order[last + 1]] == loop) last++;
            if (loop != None) result.Add(Loop(order.GetRange(first, last - first + 1), first));
            first = last + 1;
        }
        return _function with { Nodes = order.Select(i => _nodes[i]).ToEquatableArray(), Halves = result.ToEquatableArray() };
    }

    private RowLoop Loop(List<int> within, int first)
    {
        var nodes = within.Select(i => _nodes[i]).ToList();
        var outer = new HashSet<string>([.. _function.Saved.Select(s => s.Name), .. _function.Outputs]);
        bool IsInner(Value value) => _rows.IsOfRows(value.Name) && !outer.Contains(value.Name) && Readers(value).All(within.Contains);
        var inner = nodes.SelectMany(n => n.Outputs).Where(IsInner).Select(o => o.Name).ToList();
        var values = nodes.SelectMany(n => n.Values).Where(_rows.IsOfRows);
        return new(first, first + within.Count - 1, inner.ToEquatableArray(), values.Distinct().Except(inner).ToEquatableArray());
    }

    /// <summary>Nodes in an order in which each loop is whole, as near to theirs as it can be; null if there is none.</summary>
    private List<int>? Order()
    {
        // A loop is one vertex, that of its first node.
        var vertices = Enumerable.Range(0, _nodes.Count).GroupBy(i => _loops[i] == None ? i : Array.IndexOf(_loops, _loops[i])).ToDictionary(g => g.Key, g => g.ToList());
        var vertexOf = vertices.SelectMany(v => v.Value, (v, i) => (i, v.Key)).ToDictionary(p => p.i, p => p.Key);
        var needs = vertices.ToDictionary(v => v.Key, v => new HashSet<int>(
            v.Value.SelectMany(i => _nodes[i].Uses).Where(_producers.ContainsKey).Select(u => vertexOf[_producers[u]]).Where(needed => needed != v.Key)));
        var waiting = new SortedSet<int>(vertices.Keys);
        var order = new List<int>();
        while (waiting.Count > 0)
        {
            var next = waiting.Where(v => !needs[v].Any(waiting.Contains)).DefaultIfEmpty(None).First();
            if (next == None) return null;
            waiting.Remove(next);
            order.AddRange(vertices[next]);
        }
        return order;
    }
}
