using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Runs the MLPs of repeated blocks over half of the rows at a time, forward and backward, where a batch has many: what lies about an
/// activation function, the widest values of a block, then needs half of the memory (Liu and Abbeel 2023, <i>Blockwise parallel
/// transformer</i>; Kitaev et al. 2020). Nothing is computed twice. Gradients of weights are sums over one half and then the other,
/// which rounds otherwise than one sum does; so that is how it is whatever else is checkpointed, and few rows stay together.
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
            if (!Applies(graph.Block(name), spec)) continue;
            string[] names = [name, FunctionNames.Backward(name), FunctionNames.Recompute(name)];
            var functions = names.Where(graph.HasBlock).Select(graph.Block).ToList();
            var values = Hidden(functions);
            var halved = functions.Select(f => new Halving(f).Halve(values)).ToList();
            // All or none: a gradient must not depend on what is computed again.
            if (halved.Any(f => f is null)) continue;
            foreach (var function in halved) graph = InferShapes.Replace(graph, function!);
        }
        return graph;
    }

    /// <summary>Whether a batch has enough rows, in two halves at each of its lengths.</summary>
    public static bool Applies(Function forward, ModelSpec spec) =>
        forward.Inputs[0].Type!.Rows >= 2 * FewestRows
        && (spec.Training.Batch % 2 == 0 || (TokenDropSpec.Kept(spec).Count == 0 && CurriculumSpec.Lengths(spec).All(length => length % 2 == 0)));

    /// <summary>The products that activation functions read.</summary>
    public static HashSet<string> Products(Function forward) =>
    [
        .. from node in forward.Nodes
           where IsActivation(node) && forward.Nodes.FirstOrDefault(n => n.Outputs[0].Name == node.Inputs[0]) is { } producer && !Rematerialization.IsCheap(producer)
           select node.Inputs[0],
    ];

    private static bool IsActivation(Node node) => OpTable.Find(node.Op) is Pointwise or Swiglu;

    /// <summary>What activation functions and their gradients read and give, by the value that the function reads.</summary>
    private static List<HashSet<string>> Hidden(List<Function> functions) =>
    [
        .. from node in functions.SelectMany(f => f.Nodes)
           let input = IsActivation(node) ? node.Inputs[0] : OpTable.Find(node.Op) is PointwiseGrad or SwigluGrad ? node.Inputs[1] : null
           where input is not null
           group node by input into about
           select new HashSet<string>(about.SelectMany(n => new[] { n.Inputs[0], n.Outputs[0].Name }).Append(about.Key)),
    ];

    /// <summary>The loops of one function.</summary>
    private sealed class Halving(Function function)
    {
        private readonly List<Node> _nodes = [.. function.Nodes];
        private readonly Dictionary<string, TensorType> _types = function.Types();
        private readonly HashSet<string> _parameters = [.. function.Parameters.Select(p => p.Name)];
        private readonly HashSet<string> _sums = [.. function.GradientSlots().Keys];
        private readonly HashSet<string> _outer = [.. function.Saved.Select(s => s.Name), .. function.Inputs.Select(i => i.Name), .. function.Outputs];

        /// <summary>The function with its loops; null if something in one does not run by rows.</summary>
        public Function? Halve(List<HashSet<string>> hidden)
        {
            foreach (var values in hidden) Hoist(values);
            var loops = Merge(hidden.Select(Range).OfType<(int First, int Last)>()).Select(Extend).ToList();
            if (loops.Any(loop => !Within(loop).All(IsByRows))) return null;
            return function with
            {
                Nodes = _nodes.ToEquatableArray(),
                Halves = loops.Select(Loop).ToEquatableArray(),
            };
        }

        private IEnumerable<Node> Within((int First, int Last) loop) => _nodes.Skip(loop.First).Take(loop.Last - loop.First + 1);

        private (int First, int Last)? Range(HashSet<string> values)
        {
            bool Touches(Node node) => node.Uses.Concat(node.Outputs.Select(o => o.Name)).Any(values.Contains);
            var first = _nodes.FindIndex(Touches);
            return first < 0 ? null : (first, _nodes.FindLastIndex(Touches));
        }

        /// <summary>Moves what needs nothing of the loop, such as what is computed again for its sake, before it.</summary>
        private void Hoist(HashSet<string> values)
        {
            if (Range(values) is not { } loop) return;
            var (before, within, given) = (new List<Node>(), new List<Node>(), new HashSet<string>());
            foreach (var node in Within(loop))
            {
                var stays = node.Uses.Any(u => given.Contains(u) || values.Contains(u)) || node.Outputs.Any(o => values.Contains(o.Name));
                (stays ? within : before).Add(node);
                if (stays) given.UnionWith(node.Outputs.Select(o => o.Name));
            }
            _nodes.RemoveRange(loop.First, loop.Last - loop.First + 1);
            _nodes.InsertRange(loop.First, before.Concat(within));
        }

        private static IEnumerable<(int First, int Last)> Merge(IEnumerable<(int First, int Last)> loops)
        {
            (int First, int Last)? open = null;
            foreach (var loop in loops.OrderBy(l => l.First))
            {
                if (open is { } last && loop.First > last.Last) yield return last;
                open = open is { } before && loop.First <= before.Last ? (before.First, Math.Max(before.Last, loop.Last)) : loop;
            }
            if (open is { } rest) yield return rest;
        }

        /// <summary>With cheap neighbours, norms and sums, whose values then are needed for half of the rows too.</summary>
        private (int First, int Last) Extend((int First, int Last) loop)
        {
            while (true)
            {
                if (loop.First > 0 && Joins(_nodes[loop.First - 1]) && _nodes[loop.First - 1].Outputs.Any(o => OnlyWithin(o.Name, (loop.First - 1, loop.Last))))
                    loop.First--;
                else if (loop.Last + 1 < _nodes.Count && Joins(_nodes[loop.Last + 1])
                    && _nodes[loop.Last + 1].Uses.Any(u => Within(loop).Any(n => n.Outputs.Any(o => o.Name == u)) && OnlyWithin(u, (loop.First, loop.Last + 1))))
                    loop.Last++;
                else
                    return loop;
            }
        }

        /// <summary>No products, of which nothing but the activation decides whether they are halved.</summary>
        private bool Joins(Node node) => IsByRows(node) && (Rematerialization.IsCheap(node) || node.Op is "layer_norm_grad" or "rms_norm_grad");

        private bool IsByRows(Node node) => !OpTable.IsRepeat(node) && OpTable.Find(node.Op).ByRows
            && node.Uses.Concat(node.Outputs.Select(o => o.Name)).Where(IsOfRows).All(v => _types[v].Shape is { Count: > 1 } shape && shape[0].Symbol == "B" && shape[1].Symbol is "T" or "K");

        private bool IsOfRows(string value) => !_parameters.Contains(value) && !_sums.Contains(value);

        private bool OnlyWithin(string value, (int First, int Last) loop) => IsOfRows(value) && !_outer.Contains(value)
            && !_nodes.Where((n, i) => (i < loop.First || i > loop.Last) && n.Uses.Contains(value)).Any();

        private RowLoop Loop((int First, int Last) loop)
        {
            var inner = Within(loop).SelectMany(n => n.Outputs).Select(o => o.Name).Where(v => OnlyWithin(v, loop)).ToList();
            var values = Within(loop).SelectMany(n => n.Uses.Concat(n.Outputs.Select(o => o.Name))).Where(IsOfRows);
            return new(loop.First, loop.Last, inner.ToEquatableArray(), values.Distinct().Except(inner).ToEquatableArray());
        }
    }
}
