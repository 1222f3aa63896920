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
        string Op(string op, string what, params string[] inputs) => Builder.Node(op, "", $"{output}.{what}", inputs);
        var square = Op("ReduceMean", "mean", Op("Mul", "square", x, x), Builder.Constant(output + ".axis", DataType.Int64, [-1L], 1));
        var root = Op("Sqrt", "root", Op("Add", "sum", square, Builder.Constant(output + ".epsilon", DataType.Float, [(float)epsilon])));
        return Builder.Node("Mul", "", output, [Op("Div", "share", x, root), weight]);
    }

    private OnnxValue StandardAttention(string name, OnnxValue x, int heads, int kvHeads, bool causal, int window, double softcap, bool cached)
    {
        var (scope, size, groups) = (Scoped(name) + ".", x.Width / (heads + (2 * kvHeads)), heads / kvHeads);
        string Ints(string what, params ReadOnlySpan<long> values) => Builder.Constant(scope + what, DataType.Int64, values, values.Length);
        string Float(string what, double value) => Builder.Constant(scope + what, DataType.Float, [(float)value]);
        string Op(string op, string what, params string[] inputs) => Builder.Node(op, "", scope + what, inputs);
        string Turn(string what, string value, params long[] order) => Builder.Node("Transpose", "", scope + what, [value], OnnxBuilder.Attribute("perm", order));
        string Heads(string part) => Turn(part + ".rows", Op("Reshape", part + ".heads", scope + part, Ints(part + ".shape", 0, 0, kvHeads, size)), 0, 2, 1, 3);
        string Group(string part, string value) => Op("Unsqueeze", part + ".group", value, Ints(part + ".axis", 2));

        Split([scope + "q", scope + "k", scope + "v"], x.Name, [heads * size, kvHeads * size, kvHeads * size]);
        var (k, v) = (Heads("k"), Heads("v"));
        if (cached)
        {
            var layer = Number(_shared.Caches++);
            string Join(string part, string rows)
            {
                var (past, present) = KeyValueCache(
                    layer, part, ["batch", Number(kvHeads), "past", Number(size)], ["batch", Number(kvHeads), "total", Number(size)]);
                return Builder.Node("Concat", "", present, [past, rows], OnnxBuilder.Attribute("axis", 2));
            }

            (k, v) = (Join("key", k), Join("value", v));
        }

        // Queries of the heads that share keys and values stand side by side: [batch, Hkv, H / Hkv, T, D].
        var split = Op("Reshape", "q.heads", Op("Mul", "q.scaled", scope + "q", Float("scale", 1 / Math.Sqrt(size))), Ints("q.shape", 0, 0, kvHeads, groups, size));
        var scores = Op("MatMul", "scores", Turn("q.rows", split, 0, 2, 3, 1, 4), Group("k", Turn("k.columns", k, 0, 1, 3, 2)));
        if (softcap > 0) scores = Op("Mul", "capped", Op("Tanh", "bent", Op("Div", "share", scores, Float("cap", softcap))), Float("cap", softcap));
        var never = Float("never", double.NegativeInfinity);
        if (KeysOf(scope, x.Name, 1, k, 2, causal, window).Unseen is { } unseen) scores = Op("Where", "seen", unseen, never, scores);
        if (!cached) scores = Op("Where", "present", Padding(scope), never, scores);
        var weights = Builder.Node("Softmax", "", scope + "weights", [scores], OnnxBuilder.Attribute("axis", -1));
        var mix = Turn("mix.tokens", Op("MatMul", "mix", weights, Group("v", v)), 0, 3, 1, 2, 4);
        return new(Builder.Node("Reshape", "", Scoped(name), [mix, Ints("shape", 0, 0, heads * size)]), heads * size);
    }

    /// <summary>Which keys are padding, [batch, 1, 1, 1, sequence].</summary>
    private string Padding(string scope)
    {
        NeedMask();
        var isPadding = Builder.Node("Equal", "", scope + "padding", [Mask, Builder.Constant<long>(scope + "padding.zero", DataType.Int64, [0])]);
        return Builder.Node("Unsqueeze", "", scope + "padding.keys", [isPadding, Builder.Constant<long>(scope + "padding.axes", DataType.Int64, [1, 2, 3], 3)]);
    }

    /// <summary>What a causal mask and a window hide, where the last query is at the position of the last key.</summary>
    private QueryKeys KeysOf(string scope, string queries, long queryAxis, string keys, long keyAxis, bool causal, int window)
    {
        if (_shared.Keys.TryGetValue((causal, window), out var known)) return known;
        string Op(string op, string what, params string[] inputs) => Builder.Node(op, "", scope + what, inputs);
        string Number(string what, long value) => Builder.Constant<long>(scope + what, DataType.Int64, [value]);
        string Length(string what, string of, long axis) => Builder.Node(
            "Shape", "", scope + what, [of], OnnxBuilder.Attribute("start", axis), OnnxBuilder.Attribute("end", axis + 1));
        var (tokens, rows) = (Length("tokens", queries, queryAxis), Length("positions", keys, keyAxis));
        var (step, count) = (Number("step", 1), Op("Squeeze", "positions.count", rows));
        var key = Op("Range", "keys", Number("zero", 0), count, step);
        var range = Op("Range", "queries", Op("Sub", "past", count, Op("Squeeze", "tokens.count", tokens)), count, step);
        var query = Op("Unsqueeze", "queries.column", range, Builder.Constant(scope + "column", DataType.Int64, [1L], 1));
        var later = causal ? Op("Greater", "later", key, query) : null;
        var earlier = window > 0 ? Op("LessOrEqual", "earlier", key, Op("Sub", "queries.before", query, Number("window", window))) : null;
        var unseen = later is not null && earlier is not null ? Op("Or", "outside", later, earlier) : later ?? earlier;
        return _shared.Keys[(causal, window)] = new QueryKeys(tokens, rows, unseen);
    }

    private OnnxValue StandardConvolution(string name, OnnxValue x, string taps, int kernel, string past, string present)
    {
        var scope = Scoped(name) + ".";
        string Index(string what, long value) => Builder.Constant(scope + what, DataType.Int64, [value], 1);
        string Turn(string output, string value) => Builder.Node("Transpose", "", output, [value], OnnxBuilder.Attribute("perm", [0, 2, 1]));
        var all = Builder.Node("Concat", "", scope + "all", [past, Turn(scope + "channels", x.Name)], OnnxBuilder.Attribute("axis", -1));
        Builder.Node("Slice", "", present, [all, Index("start", 1 - kernel), Index("end", long.MaxValue), Index("axis", 2)]);
        var convolved = Builder.Node("Conv", "", scope + "convolved", [all, taps], OnnxBuilder.Attribute("group", x.Width));
        return x with { Name = Turn(Scoped(name), convolved) };
    }
}
