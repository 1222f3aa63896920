using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Differentiates a gradient program once more, in a direction: every value of the forward and the backward pass gets its tangent behind
/// it, by the ops' tangent rules, and the tangents of the parameters' gradients are the product of the Hessian with the direction
/// (forward over reverse; Pearlmutter 1994). The directions are parameters <c>name.tangent</c>. Runs after Differentiate, over ops that
/// no other pass has joined. A block carries a value and its tangent side by side, so that it stays a function that is repeated.
/// Before: y = linear(x, w). After: y = linear(x, w); y.tangent = linear(x.tangent, w); y.tangent.2 = linear(x, w.tangent); and their sum.
/// </summary>
public sealed class Linearize : Pass
{
    private const string Pair = ".pair";

    public override Graph Run(Graph graph, ModelSpec spec)
    {
        foreach (var repeat in graph.Main.Nodes.Where(n => n.Op == "repeat")) graph = LinearizeBlock(graph, repeat.Attributes.String("block"));

        var writer = new Linearization(graph.Main);
        foreach (var node in graph.Main.Nodes)
        {
            if (!OpTable.IsRepeat(node))
            {
                writer.Visit(node);
                continue;
            }
            var output = node.Outputs[0];
            writer.Add(node with
            {
                Inputs = EquatableArray.Of(writer.Join(node.Inputs[0], node.Origin)),
                Outputs = EquatableArray.Of(new Value(output.Name + Pair)),
            });
            writer.Split(output.Name, output.Type!, node.Origin);
        }
        return graph with { Main = writer.Build(graph, graph.Main.Types()) };
    }

    private static Graph LinearizeBlock(Graph graph, string name)
    {
        var (forward, backward) = (graph.Block(name), graph.Block(FunctionNames.Backward(name)));
        var first = new Linearization(forward);
        var dual = Carrying(graph, forward, first);
        var second = new Linearization(backward, first.Tangents);
        var dualBackward = Carrying(graph, backward, second, dual.Types());

        var used = new HashSet<string>(dualBackward.Nodes.SelectMany(n => n.Uses));
        var saved = dual.Nodes.SelectMany(n => n.Outputs).Where(v => used.Contains(v.Name)).ToEquatableArray();
        return InferShapes.Replace(InferShapes.Replace(graph, dual with { Saved = saved }), dualBackward with { Saved = saved });
    }

    /// <summary>A function whose input and output are pairs of a value and its tangent.</summary>
    private static Function Carrying(Graph graph, Function function, Linearization writer, Dictionary<string, TensorType>? saved = null)
    {
        var (input, origin) = (function.Inputs[0], function.Nodes[0].Origin);
        var pair = new Value(input.Name + Pair, Doubled(input.Type!));
        writer.Split(input.Name, input.Type!, origin);
        foreach (var node in function.Nodes) writer.Visit(node);
        var output = writer.Join(function.Outputs[0], function.Nodes.Last().Origin);

        var types = saved ?? [];
        types[pair.Name] = pair.Type!;
        return writer.Build(graph, types) with { Inputs = EquatableArray.Of(pair), Outputs = EquatableArray.Of(output) };
    }

    private static TensorType Doubled(TensorType type) => type.WithLast(new Dim("2" + type.Last.Symbol, 2 * type.Last.Value));

    /// <summary>The nodes of a function, each with its tangent's behind it.</summary>
    private sealed class Linearization
    {
        private readonly Function _function;
        private readonly HashSet<string> _taken;
        private readonly Dictionary<string, string> _slots;
        private readonly List<Node> _nodes = [];

        public Linearization(Function function, Dictionary<string, string>? known = null)
        {
            _function = function;
            _slots = function.GradientSlots();
            Tangents = known is null ? [] : new(known);
            foreach (var parameter in function.Parameters) Tangents[parameter.Name] = parameter.Name + TangentBuilder.Suffix;
            _taken = [.. function.Types().Keys, .. Tangents.Values];
        }

        public Dictionary<string, string> Tangents { get; }

        public void Add(Node node) => _nodes.Add(node);

        public void Visit(Node node)
        {
            Add(node);
            var op = OpTable.Find(node.Op);
            if (op.IsData || !node.Uses.Any(Tangents.ContainsKey)) return;
            try
            {
                op.Linearize(new TangentBuilder(node, Tangents, Fresh, _nodes));
            }
            catch (NotSupportedException e)
            {
                throw new PassException(DiagnosticCatalog.SecondDerivative.At(node.Origin,
                    $"the meta-gradient needs second derivatives, and '{e.Message}' has none; write 'method: fomaml' or 'method: reptile' in training.meta, or another layer"));
            }
        }

        /// <summary>A value and its tangent as one.</summary>
        public string Join(string value, string origin)
        {
            if (_nodes.Any(n => n.Outputs[0].Name == value + Pair)) return value + Pair; // from another block
            var width = _function.Types()[value].Last.Value;
            Add(new Node("concat", EquatableArray.Of(value, Tangents[value]), EquatableArray.Of(new Value(value + Pair)), Concat.Starts([width, width]), origin));
            return value + Pair;
        }

        /// <summary>A value and its tangent from their pair.</summary>
        public void Split(string value, TensorType type, string origin)
        {
            Tangents[value] = Fresh(value);
            foreach (var (part, start) in new[] { (value, 0L), (Tangents[value], type.Last.Value) })
                Add(new Node("slice", EquatableArray.Of(value + Pair), EquatableArray.Of(new Value(part)), Attributes.Of(("start", start), ("width", type.Last.Value)), origin));
        }

        public Function Build(Graph graph, Dictionary<string, TensorType> known)
        {
            var parameters = _function.Parameters.Concat(_function.Parameters.Select(p => p with { Name = p.Name + TangentBuilder.Suffix })).ToEquatableArray();
            var gradients = _function.Gradients.Concat(_function.Gradients.Select(g => new ParameterGradient(g.Parameter + TangentBuilder.Suffix, Tangents[g.Value])));
            foreach (var parameter in parameters) known[parameter.Name] = parameter.Type;
            return _function with
            {
                Parameters = parameters,
                Nodes = InferShapes.InferNodes(graph, _nodes, known).ToEquatableArray(),
                Gradients = gradients.ToEquatableArray(),
            };
        }

        /// <summary>The name of a value's tangent. Those of a parameter's gradient are named as gradients of its direction, to which they add up.</summary>
        private string Fresh(string value)
        {
            var name = (_slots.TryGetValue(value, out var parameter) ? "d_" + parameter : value) + TangentBuilder.Suffix;
            var fresh = name;
            for (var n = 2; !_taken.Add(fresh); n++) fresh = $"{name}.{n}";
            return fresh;
        }
    }
}
