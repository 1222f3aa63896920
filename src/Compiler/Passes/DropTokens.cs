using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Under <c>token-drop</c> the layers of a block, but for the first and the last of the model, see K of the T tokens of a sequence,
/// drawn for each layer; the others pass by, forward and backward (random-LTD, Yao et al. 2022). Runs after Differentiate, since what
/// passes by a function passes by its gradient: around both it puts a gather and a scatter of the same tokens.
/// Before: y = block(x), dx = block.backward(dy). After: y = scatter(x, block(gather(x))), dx = scatter(dy, block.backward(gather(dy))).
/// The graph is that of the most tokens, K = T, which memory is planned for; emitters make a step of each K. Which layers drop stands
/// at the repeat: from <c>drop_first</c> up to, not including, <c>drop_end</c>. Inference sees all tokens: its pipeline has no such pass.
/// </summary>
/// <param name="kept">K; by default T.</param>
public sealed class DropTokens(long? kept = null) : Pass
{
    /// <summary>What holds the tokens' indices.</summary>
    private const string Indices = "token_drop";

    private const string Origin = "efficiency.token-drop";

    public override Graph Run(Graph graph, ModelSpec spec)
    {
        if (TokenDropSpec.Resolve(spec) is not { } drop) return graph;
        var repeats = graph.Main.Nodes.Where(n => n.Op == "repeat").ToList();
        var (layers, before, site) = (repeats.Sum(r => r.Attributes.Int("times")), 0, 0);
        foreach (var repeat in repeats)
        {
            var (start, times) = (before, repeat.Attributes.Int("times"));
            int Within(int layer) => Math.Min(times, Math.Max(0, layer - start));
            var (first, end) = (Within(drop.KeepLayers), Within(layers - drop.KeepLayers));
            if (first < end) graph = Drop(graph, repeat, first, end, --site);
            before += times;
        }
        return graph;
    }

    /// <summary>The function as the layers that see all tokens run it.</summary>
    public static Function Whole(Function function) => function with
    {
        Nodes = function.Nodes
            .Select(n => n.Op == DrawTokens.OpName ? n with { Attributes = n.Attributes.With("kept", n.Attributes.Long("tokens")) } : n).ToEquatableArray(),
    };

    /// <summary>The function's types where its layers see this many tokens of each sequence.</summary>
    public static Function Seeing(Function function, long tokens)
    {
        Value Of(Value value) => value with { Type = WithTokens(value.Type!, "K", new("K", tokens)) };
        return function with
        {
            Inputs = function.Inputs.Select(Of).ToEquatableArray(),
            Saved = function.Saved.Select(Of).ToEquatableArray(),
            Nodes = function.Nodes.Select(n => n with { Outputs = n.Outputs.Select(Of).ToEquatableArray() }).ToEquatableArray(),
        };
    }

    private Graph Drop(Graph graph, Node repeat, int first, int end, int site)
    {
        var attributes = repeat.Attributes.With("drop_first", (long)first).With("drop_end", (long)end);
        var nodes = graph.Main.Nodes.Select(n => OpTable.IsRepeat(n) && n.Attributes == repeat.Attributes ? n with { Attributes = attributes } : n);
        graph = graph with { Main = graph.Main with { Nodes = nodes.ToEquatableArray() } };

        var name = repeat.Attributes.String("block");
        var (forward, backward) = (graph.Block(name), graph.Block(FunctionNames.Backward(name)));
        var (input, type) = (forward.Inputs[0].Name, forward.Inputs[0].Type!);
        var around = new Around(input, type, new("K", kept ?? type.Shape[1].Value), site);
        var saved = forward.Saved.Select(around.Inner).Append(around.Drawn).ToEquatableArray();
        graph = InferShapes.Replace(graph, around.Forward(forward) with { Saved = saved });
        return InferShapes.Replace(graph, around.Backward(backward) with { Saved = saved });
    }

    private static TensorType WithTokens(TensorType type, string symbol, Dim tokens) =>
        type with { Shape = type.Shape.Select(d => d.Symbol == symbol ? tokens : d).ToEquatableArray() };

    /// <summary>What stands around the functions of one block.</summary>
    /// <param name="input">The name of the block's input.</param>
    /// <param name="whole">Its type, that of all tokens.</param>
    private sealed class Around(string input, TensorType whole, Dim tokens, int site)
    {
        public Value Drawn => new(Indices, TensorType.Of(DType.I64, whole.Shape[0], tokens));

        /// <summary>A value over the drawn tokens; the block's input becomes what is gathered of it.</summary>
        public Value Inner(Value value) => new(Rename(value.Name), Narrow(value.Type!));

        public Function Forward(Function function)
        {
            var draw = new Node(
                DrawTokens.OpName, EquatableArray<string>.Empty, EquatableArray.Of(Drawn),
                Attributes.Of(("batch", whole.Shape[0].Value), ("tokens", whole.Shape[1].Value), ("kept", tokens.Value), ("site", site)), Origin);
            return Between(function, [draw, Gather(input, Rename(input))], Scatter(input, function.Outputs[0], Indices + ".output"));
        }

        public Function Backward(Function function)
        {
            var (incoming, gathered) = (function.Inputs[0].Name, $"d_{Indices}.output");
            return Between(
                function with { Nodes = function.Nodes.Select(n => n with { Inputs = n.Inputs.Select(i => i == incoming ? gathered : i).ToEquatableArray() }).ToEquatableArray() },
                [Gather(incoming, gathered)], Scatter(incoming, function.Outputs[0], $"d_{Indices}.input"));
        }

        private string Rename(string value) => value == input ? Indices + ".input" : value;

        private TensorType Narrow(TensorType type) => WithTokens(type, whole.Shape[1].Symbol, tokens);

        /// <summary>The function over the drawn tokens, which rotations turn by the positions that they have in the sequence.</summary>
        private Function Between(Function function, IEnumerable<Node> before, Node after) => function with
        {
            Nodes = before.Concat(function.Nodes.Select(n => n with
            {
                Inputs = n.Inputs.Select(Rename).Concat(n.Op == "rope" ? new[] { Indices } : Enumerable.Empty<string>()).ToEquatableArray(),
                Outputs = n.Outputs.Select(o => o with { Type = Narrow(o.Type!) }).ToEquatableArray(),
            })).Append(after).ToEquatableArray(),
            Outputs = EquatableArray.Of(after.Outputs[0].Name),
        };

        private Node Gather(string from, string into) => new(
            GatherTokens.OpName, EquatableArray.Of(from, Indices), EquatableArray.Of(new Value(into, Narrow(whole))), Attributes.None, Origin);

        private Node Scatter(string around, string rows, string into) => new(
            ScatterTokens.OpName, EquatableArray.Of(around, rows, Indices), EquatableArray.Of(new Value(into, whole)), Attributes.None, Origin);
    }
}
