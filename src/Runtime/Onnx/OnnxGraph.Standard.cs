using static TorchSharp.torch;
using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>What has an operator of its own in ONNX Runtime, in operators of the ONNX standard alone: for other runtimes, and for what those of
/// ONNX Runtime do not take. Caches grow: the keys and values so far are inputs, with the new ones behind them they are outputs.</summary>
public sealed partial class OnnxGraph
{
    /// <summary>What queries and keys have in common, the same in all layers.</summary>
    /// <param name="Queries">Their number, int64 [1].</param>
    /// <param name="Keys">Their number, int64 [1].</param>
    /// <param name="Unseen">Which keys a query does not see, [queries, keys]; null where it sees all.</param>
    private sealed record QueryKeys(string Queries, string Keys, string? Unseen);

    private string StandardRmsNorm(string output, string x, string weight, double epsilon)
    {
        var scope = new NodeScope(Builder, output + ".");
        var square = scope.Op("ReduceMean", "mean", scope.Op("Mul", "square", x, x), scope.Ints("axis", -1));
        var root = scope.Op("Sqrt", "root", scope.Op("Add", "sum", square, scope.Scalar("epsilon", (float)epsilon)));
        return Builder.Node("Mul", "", output, [scope.Op("Div", "share", x, root), weight]);
    }

    private OnnxValue StandardAttention(string name, OnnxValue x, int heads, int kvHeads, bool causal, int window, double softcap, bool cached)
    {
        var (scope, size, groups) = (Inner(name), x.Width / (heads + (2 * kvHeads)), heads / kvHeads);
        string Heads(string part) => scope.Transpose(
            part + ".rows", scope.Op("Reshape", part + ".heads", scope[part], scope.Ints(part + ".shape", 0, 0, kvHeads, size)), 0, 2, 1, 3);
        string Group(string part, string value) => scope.Op("Unsqueeze", part + ".group", value, scope.Ints(part + ".axis", 2));

        Split([scope["q"], scope["k"], scope["v"]], x.Name, [heads * size, kvHeads * size, kvHeads * size]);
        var (k, v) = (Heads("k"), Heads("v"));
        if (cached)
        {
            var layer = Number(_shared.Caches++);
            string Join(string part, string rows)
            {
                var (past, present) = KeyValueCache(
                    layer, part, DataType.Float, ["batch", Number(kvHeads), "past", Number(size)], ["batch", Number(kvHeads), "total", Number(size)]);
                return Builder.Node("Concat", "", present, [past, rows], OnnxBuilder.Attribute("axis", 2));
            }

            (k, v) = (Join("key", k), Join("value", v));
        }

        // Queries of the heads that share keys and values stand side by side: [batch, Hkv, H / Hkv, T, D].
        var scaled = scope.Op("Mul", "q.scaled", scope["q"], scope.Scalar("scale", (float)(1 / Math.Sqrt(size))));
        var split = scope.Op("Reshape", "q.heads", scaled, scope.Ints("q.shape", 0, 0, kvHeads, groups, size));
        var scores = scope.Op("MatMul", "scores", scope.Transpose("q.rows", split, 0, 2, 3, 1, 4), Group("k", scope.Transpose("k.columns", k, 0, 1, 3, 2)));
        if (softcap > 0)
        {
            var cap = scope.Scalar("cap", (float)softcap);
            scores = scope.Op("Mul", "capped", scope.Op("Tanh", "bent", scope.Op("Div", "share", scores, cap)), cap);
        }

        var never = scope.Scalar("never", float.NegativeInfinity);
        if (KeysOf(scope, x.Name, 1, k, 2, causal, window).Unseen is { } unseen) scores = scope.Op("Where", "seen", unseen, never, scores);
        if (!cached) scores = scope.Op("Where", "present", Padding(scope), never, scores);
        var weights = scope.Op("Softmax", "weights", OnnxBuilder.Attribute("axis", -1), scores);
        var mix = scope.Transpose("mix.tokens", scope.Op("MatMul", "mix", weights, Group("v", v)), 0, 3, 1, 2, 4);
        return Node("Reshape", name, heads * size, mix, scope.Ints("shape", 0, 0, heads * size));
    }

    /// <summary>Which keys are padding, [batch, 1, 1, 1, sequence].</summary>
    private string Padding(NodeScope scope)
    {
        NeedMask();
        var isPadding = scope.Op("Equal", "padding", Mask, scope.Scalar("padding.zero", 0));
        return scope.Op("Unsqueeze", "padding.keys", isPadding, scope.Ints("padding.axes", 1, 2, 3));
    }

    /// <summary>What a causal mask and a window hide, where the last query is at the position of the last key.</summary>
    private QueryKeys KeysOf(NodeScope scope, string queries, long queryAxis, string keys, long keyAxis, bool causal, int window)
    {
        if (_shared.Keys.TryGetValue((causal, window), out var known)) return known;
        string Length(string what, string of, long axis) => Builder.Node(
            "Shape", "", scope[what], [of], OnnxBuilder.Attribute("start", axis), OnnxBuilder.Attribute("end", axis + 1));
        var (tokens, rows) = (Length("tokens", queries, queryAxis), Length("positions", keys, keyAxis));
        var (step, count) = (scope.Scalar("step", 1), scope.Op("Squeeze", "positions.count", rows));
        var key = scope.Op("Range", "keys", scope.Scalar("zero", 0), count, step);
        var range = scope.Op("Range", "queries", scope.Op("Sub", "past", count, scope.Op("Squeeze", "tokens.count", tokens)), count, step);
        var query = scope.Op("Unsqueeze", "queries.column", range, scope.Ints("column", 1));
        var later = causal ? scope.Op("Greater", "later", key, query) : null;
        var earlier = window > 0 ? scope.Op("LessOrEqual", "earlier", key, scope.Op("Sub", "queries.before", query, scope.Scalar("window", window))) : null;
        var unseen = later is not null && earlier is not null ? scope.Op("Or", "outside", later, earlier) : later ?? earlier;
        return _shared.Keys[(causal, window)] = new QueryKeys(tokens, rows, unseen);
    }

    private void StandardConvolution(NodeScope scope, string channels, string taps, int width, int kernel, string past, string present)
    {
        var all = scope.Op("Concat", "all", OnnxBuilder.Attribute("axis", -1), past, channels);
        Builder.Node("Slice", "", present, [all, scope.Ints("start", 1 - kernel), scope.Ints("end", long.MaxValue), scope.Ints("axis", 2)]);
        scope.Op("Conv", "convolved", OnnxBuilder.Attribute("group", width), all, taps);
    }
}
