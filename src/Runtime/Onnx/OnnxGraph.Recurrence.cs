using static TorchSharp.torch;
using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>
/// Transformer-XL (Dai et al. 2019) in plain operators. The keys and values of the positions before are inputs,
/// <c>past_memory.0</c> [batch, past, 2·C], those of the new tokens outputs, <c>new_memory.0</c> [batch, sequence, 2·C]: whoever runs
/// the graph puts the one behind the other, and forgets all but the last M where a segment ends.
/// </summary>
public sealed partial class OnnxGraph
{
    internal const string PastMemory = "past_memory.", NewMemory = "new_memory.";

    /// <summary>The keys of distances: a table of the attention that reads them.</summary>
    /// <param name="weight">[C, K]</param>
    public OnnxValue RelativeKeys(string name, Tensor weight, long clamp) => new(Scoped(name), (int)weight.size(0)) { Distances = (weight, clamp) };

    /// <summary>Attention by content and relative distance, with the relative shift of the paper's appendix B.</summary>
    /// <param name="contentBias">[C]</param>
    /// <param name="positionBias">[C]</param>
    /// <param name="memory">M</param>
    /// <param name="sameLength">A query sees itself and the M − 1 positions before it; else all of the memory.</param>
    public OnnxValue RelativeAttention(
        string name, OnnxValue q, OnnxValue kv, OnnxValue r, Tensor contentBias, Tensor positionBias, int memory, bool sameLength, int heads)
    {
        var (scope, width, size, site) = (Scoped(name) + ".", q.Width, q.Width / heads, Number(_shared.Caches++));
        _shared.Memory = memory;
        string Ints(string what, params ReadOnlySpan<long> values) => Builder.Constant(scope + what, DataType.Int64, values, values.Length);
        string Op(string op, string what, params string[] inputs) => Builder.Node(op, "", scope + what, inputs);
        string Transpose(string what, string x, params long[] order) => Builder.Node("Transpose", "", scope + what, [x], OnnxBuilder.Attribute("perm", order));
        string Heads(string what, string x) => Op("Reshape", what + ".heads", x, Ints(what + ".shape", 0, 0, heads, size));

        var past = Builder.Input(PastMemory + site, DataType.Float, "batch", "past", Number(2 * width));
        Builder.Node("Identity", "", NewMemory + site, [kv.Name]);
        Builder.Output(NewMemory + site, DataType.Float, "batch", "sequence", Number(2 * width));
        var all = Builder.Node("Concat", "", scope + "all", [past, kv.Name], OnnxBuilder.Attribute("axis", 1));
        Split([scope + "k", scope + "v"], all, [width, width]);
        var (tokens, rows, unseen) = KeysOf(scope, q.Name, 1, all, 1, causal: true, window: sameLength ? memory : 0);

        // The last rows of the table are those of the distances that occur.
        var length = memory + _shared.Context;
        var table = Builder.Constant(scope + "distances", DataType.Float, OnnxBuilder.Floats(Table(r, length)), length, width);
        var used = Op("Slice", "used", table, Op("Sub", "first", Ints("length", length), rows), Ints("end", length), Ints("axis", 0));
        var distances = Transpose("r.columns", Op("Reshape", "r.heads", used, Ints("r.shape", -1, heads, size)), 1, 2, 0);

        var scale = Builder.Constant(scope + "scale", DataType.Float, [(float)(1 / Math.Sqrt(size))]);
        string Query(string what, Tensor bias) => Transpose(
            what + ".rows", Heads(what, Op("Mul", what + ".scaled", Op("Add", what, q.Name, Builder.Weight(scope + what + ".bias", bias)), scale)), 0, 2, 1, 3);
        var content = Op("MatMul", "by_content", Query("content", contentBias), Transpose("k.columns", Heads("k", scope + "k"), 0, 2, 3, 1));
        var position = Op("MatMul", "by_distance", Query("position", positionBias), distances);

        // A column of zeros before each row, read again in rows that are shorter by one, moves row t by T − 1 − t.
        var padded = Op("Pad", "padded", position, Ints("pads", 0, 0, 0, 1, 0, 0, 0, 0));
        string Shape(string what, string row, string column) => Builder.Node(
            "Concat", "", scope + what, [Ints(what + ".outer", 0, 0), row, column], OnnxBuilder.Attribute("axis", 0));
        var wide = Op("Reshape", "wide", padded, Shape("wide.shape", Op("Add", "rows.one", rows, Ints("one", 1)), tokens));
        var cut = Op("Slice", "cut", wide, Ints("cut.start", 1), Ints("cut.end", int.MaxValue), Ints("cut.axis", 2));
        var shifted = Op("Reshape", "shifted", cut, Shape("shifted.shape", tokens, rows));

        var scores = Op("Where", "seen", unseen!, Builder.Constant(scope + "never", DataType.Float, [float.NegativeInfinity]), Op("Add", "scores", content, shifted));
        var weights = Builder.Node("Softmax", "", scope + "weights", [scores], OnnxBuilder.Attribute("axis", -1));
        var mix = Op("MatMul", "mix", weights, Transpose("v.rows", Heads("v", scope + "v"), 0, 2, 1, 3));
        return new(Builder.Node("Reshape", "", Scoped(name), [Transpose("mix.tokens", mix, 0, 2, 1, 3), Ints("shape", 0, 0, width)]), width);
    }

    /// <summary>The projected encodings of the distances from length − 1 to 0, [length, C].</summary>
    private static Tensor Table(OnnxValue keys, int length)
    {
        var (weight, clamp) = keys.Distances ?? throw new ArgumentException("Relative attention reads what RelativeKeys gives.", nameof(keys));
        var table = empty([length, weight.size(0)], ScalarType.Float32);
        Kernels.RelativeKeys(weight.to(ScalarType.Float32, CPU).contiguous(), clamp, table);
        return table;
    }
}
