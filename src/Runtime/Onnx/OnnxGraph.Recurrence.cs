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
        var (scope, width, size, site) = (Inner(name), q.Width, q.Width / heads, Number(_shared.Caches++));
        _shared.Memory = memory;
        string Heads(string what, string x) => scope.Op("Reshape", what + ".heads", x, scope.Ints(what + ".shape", 0, 0, heads, size));

        var past = Builder.Input(PastMemory + site, DataType.Float, "batch", "past", Number(2 * width));
        Builder.Node("Identity", "", NewMemory + site, [kv.Name]);
        Builder.Output(NewMemory + site, DataType.Float, "batch", "sequence", Number(2 * width));
        var all = scope.Op("Concat", "all", OnnxBuilder.Attribute("axis", 1), past, kv.Name);
        Split([scope["k"], scope["v"]], all, [width, width]);
        var (tokens, rows, unseen) = KeysOf(scope, q.Name, 1, all, 1, causal: true, window: sameLength ? memory : 0);

        // The last rows of the table are those of the distances that occur.
        var length = memory + _shared.Context;
        var table = Builder.Constant(scope["distances"], DataType.Float, OnnxBuilder.Floats(Table(r, length)), length, width);
        var first = scope.Op("Sub", "first", scope.Ints("length", length), rows);
        var used = scope.Op("Slice", "used", table, first, scope.Ints("end", length), scope.Ints("axis", 0));
        var distances = scope.Transpose("r.columns", scope.Op("Reshape", "r.heads", used, scope.Ints("r.shape", -1, heads, size)), 1, 2, 0);

        var scale = scope.Scalar("scale", (float)(1 / Math.Sqrt(size)));
        string Query(string what, Tensor bias)
        {
            var biased = scope.Op("Add", what, q.Name, Builder.Weight(scope[what + ".bias"], bias));
            return scope.Transpose(what + ".rows", Heads(what, scope.Op("Mul", what + ".scaled", biased, scale)), 0, 2, 1, 3);
        }

        var content = scope.Op("MatMul", "by_content", Query("content", contentBias), scope.Transpose("k.columns", Heads("k", scope["k"]), 0, 2, 3, 1));
        var position = scope.Op("MatMul", "by_distance", Query("position", positionBias), distances);

        // A column of zeros before each row, read again in rows that are shorter by one, moves row t by T − 1 − t.
        var padded = scope.Op("Pad", "padded", position, scope.Ints("pads", 0, 0, 0, 1, 0, 0, 0, 0));
        string Shape(string what, string row, string column) =>
            scope.Op("Concat", what, OnnxBuilder.Attribute("axis", 0), scope.Ints(what + ".outer", 0, 0), row, column);
        var wide = scope.Op("Reshape", "wide", padded, Shape("wide.shape", scope.Op("Add", "rows.one", rows, scope.Ints("one", 1)), tokens));
        var cut = scope.Op("Slice", "cut", wide, scope.Ints("cut.start", 1), scope.Ints("cut.end", int.MaxValue), scope.Ints("cut.axis", 2));
        var shifted = scope.Op("Reshape", "shifted", cut, Shape("shifted.shape", tokens, rows));

        var never = scope.Scalar("never", float.NegativeInfinity);
        var scores = scope.Op("Where", "seen", unseen!, never, scope.Op("Add", "scores", content, shifted));
        var weights = scope.Op("Softmax", "weights", OnnxBuilder.Attribute("axis", -1), scores);
        var mix = scope.Op("MatMul", "mix", weights, scope.Transpose("v.rows", Heads("v", scope["v"]), 0, 2, 1, 3));
        return Node("Reshape", name, width, scope.Transpose("mix.tokens", mix, 0, 2, 1, 3), scope.Ints("shape", 0, 0, width));
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
