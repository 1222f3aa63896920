using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;
using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Runtime.Onnx;

public sealed partial class OnnxGraph
{
    private const int SupportedSizes = 8;

    /// <summary>The input of ONNX Runtime's attention that is the scales of keys; those of values are the next.</summary>
    private const int ScalesInput = 12;

    /// <summary>Head sizes of which ONNX Runtime's attention rotates queries and keys itself are multiples of this.</summary>
    private const int RotatedSizes = 16;

    /// <summary>
    /// Rotary positions (Su et al. 2021). Attention applies them where it can, else they are written out in plain operators.
    /// </summary>
    public OnnxValue Rope(string name, OnnxValue x, int heads, int kvHeads, double theta, RopeScaling scaling = default)
    {
        var size = x.Width / (heads + (2 * kvHeads));
        if (!_shared.Rotations.TryGetValue((size, theta, scaling), out var tables))
        {
            var suffix = _shared.Rotations.Count == 0 ? "" : Number(_shared.Rotations.Count);
            // In rows of cosines, then sines, of which there may be more than are asked for.
            var (half, table) = (size / 2, RopeTables.Of(size / 2, theta, scaling, _shared.Context));
            float[] Half(int start) => [.. Enumerable.Range(0, _shared.Context).SelectMany(position => table.AsSpan((position * 2 * half) + start, half).ToArray())];
            string Table(string what, float[] values) => Builder.Constant<float>(what + suffix, DataType.Float, values, _shared.Context, half);
            _shared.Rotations.Add((size, theta, scaling), tables = (Table("rope.cosines", Half(0)), Table("rope.sines", Half(half))));
        }

        if (size % RotatedSizes == 0 && kvHeads > 0 && !_shared.IsStandard) return x with { Rotation = tables };
        Scales(Scoped(name), x); // its values: the rest is nowhere multiplied by a weight
        return Rotate(name, x, heads, kvHeads, tables);
    }

    /// <summary>Pairs (i, i + D/2) of each query and key head, turned by the tables' rows of their positions.</summary>
    private OnnxValue Rotate(string name, OnnxValue x, int heads, int kvHeads, (string Cosines, string Sines) tables)
    {
        var (scope, all, size) = (Inner(name), heads + (2 * kvHeads), x.Width / (heads + (2 * kvHeads)));
        string Table(string what, string table) => scope.Op("Unsqueeze", what, scope.Op("Gather", what + ".rows", table, Positions()), scope.Ints(what + ".axis", 2));

        var split = scope.Op("Reshape", "heads", x.Name, scope.Ints("heads.shape", 0, 0, all, size));
        var rotated = split; // without key heads there are no values
        if (kvHeads > 0)
        {
            rotated = scope["qk"];
            Builder.Node("Split", "", [split, scope.Ints("parts", heads + kvHeads, kvHeads)], [rotated, scope["v"]], OnnxBuilder.Attribute("axis", 2));
        }

        Split([scope["first"], scope["second"]], rotated, [size / 2, size / 2]);
        var (cosines, sines) = (Table("cosines", tables.Cosines), Table("sines", tables.Sines));
        string Turn(string what, string op, string along, string across) => scope.Op(
            op, what, scope.Op("Mul", what + ".along", along, cosines), scope.Op("Mul", what + ".across", across, sines));
        var (first, second) = (Turn("turned1", "Sub", scope["first"], scope["second"]), Turn("turned2", "Add", scope["second"], scope["first"]));
        var turned = scope.Op("Concat", "turned", OnnxBuilder.Attribute("axis", -1), first, second);
        var whole = kvHeads > 0 ? scope.Op("Concat", "whole", OnnxBuilder.Attribute("axis", 2), turned, scope["v"]) : turned;
        return Node("Reshape", name, x.Width, whole, scope.Ints("shape", 0, 0, x.Width));
    }

    /// <summary>RMS norms of each query and key head.</summary>
    /// <param name="qWeight">[D]</param>
    /// <param name="kWeight">[D]</param>
    public OnnxValue QkNorm(string name, OnnxValue x, Tensor qWeight, Tensor kWeight, int heads, int kvHeads, double epsilon)
    {
        var (scope, size) = (Inner(name), x.Width / (heads + (2 * kvHeads)));
        Scales(Scoped(name), x); // its values: the rest is nowhere multiplied by a weight
        // Divided once, before the parts are: a token of a small model is the handing over of many small nodes.
        var divided = scope.Op("Reshape", "heads", x.Name, scope.Ints("shape", 0, 0, heads + (2 * kvHeads), size));
        Builder.Node("Split", "", [divided, scope.Ints("parts", heads, kvHeads, kvHeads)], [scope["q"], scope["k"], scope["v"]], OnnxBuilder.Attribute("axis", 2));
        string Norm(string part, Tensor weight) => RmsNorm(scope[part + ".normed"], scope[part], Builder.Weight(scope[part + ".weight"], weight), epsilon);
        var joined = scope.Op("Concat", "joined", OnnxBuilder.Attribute("axis", 2), Norm("q", qWeight), Norm("k", kWeight), scope["v"]);
        return x with { Name = Builder.Node("Reshape", "", Scoped(name), [joined, scope.Ints("flat", 0, 0, x.Width)]) };
    }

    /// <summary>
    /// Causal attention over a cache of keys and values (ONNX Runtime's GroupQueryAttention): past and present are one buffer
    /// [batch, Hkv, context, D], to which the new keys and values are added.
    /// </summary>
    /// <param name="x">Queries, keys and values side by side.</param>
    /// <exception cref="NotSupportedException">The head size is not a multiple of 8.</exception>
    public OnnxValue Attention(string name, OnnxValue x, int heads, int kvHeads, int window = 0, double softcap = 0)
    {
        if (_shared.IsStandard) return StandardAttention(name, x, heads, kvHeads, causal: true, window, softcap, cached: true);
        var size = x.Width / (heads + (2 * kvHeads));
        if (_shared.Caches == 0)
        {
            Builder.Input(PastLengths, DataType.Int32, "batch");
            Builder.Input(TotalLength, DataType.Int32);
        }

        var layer = Number(_shared.Caches++);
        string[] shape = ["batch", Number(kvHeads), Number(_shared.Context), Number(size)];
        var scales = _shared.Forms.Caches?[_shared.Caches - 1];
        var type = scales is null ? DataType.Float : DataType.Int8;
        var (key, value) = (KeyValueCache(layer, "key", type, shape, shape), KeyValueCache(layer, "value", type, shape, shape));
        return GroupQueryAttention(
            name, x, heads, kvHeads, causal: true, window, softcap,
            [key.Past, value.Past, PastLengths, TotalLength], [key.Present, value.Present], scales);
    }

    /// <summary>The name of the keys or the values of a layer of attention, as an input.</summary>
    internal static string Cache(int layer, string part) => $"past_key_values.{Number(layer)}.{part}";

    /// <summary>The keys or the values of a layer, as an input and an output.</summary>
    private (string Past, string Present) KeyValueCache(string layer, string part, DataType type, string[] past, string[] present)
    {
        var names = ($"past_key_values.{layer}.{part}", $"present.{layer}.{part}");
        Builder.Input(names.Item1, type, past);
        Builder.Output(names.Item2, type, present);
        return names;
    }

    /// <summary>Attention within whole sequences, of which those that are shorter than the longest end in padding.</summary>
    /// <param name="x">Queries, keys and values side by side.</param>
    /// <exception cref="NotSupportedException">The head size is not a multiple of 8, or a window looks both ways.</exception>
    public OnnxValue WholeAttention(string name, OnnxValue x, int heads, int kvHeads, bool causal = true, int window = 0, double softcap = 0)
    {
        if (_shared.IsStandard) return StandardAttention(name, x, heads, kvHeads, causal, window, softcap, cached: false);
        if (window > 0 && !causal)
            throw new NotSupportedException($"'{Scoped(name)}' has a window without a causal mask, which ONNX Runtime's attention has not. Export it with opset-only: true, or run it with engine torch.");
        var (lengths, total) = Lengths();
        return GroupQueryAttention(name, x, heads, kvHeads, causal, window, softcap, ["", "", lengths, total], [Scoped(name) + ".key", Scoped(name) + ".value"]);
    }

    private OnnxValue GroupQueryAttention(
        string name, OnnxValue x, int heads, int kvHeads, bool causal, int window, double softcap, string[] lengths, string[] presents,
        CacheScales? scales = null)
    {
        var size = x.Width / (heads + (2 * kvHeads));
        if (size % SupportedSizes != 0)
            throw new NotSupportedException($"'{Scoped(name)}' has a head size of {Number(size)}, and ONNX Runtime's attention takes multiples of {Number(SupportedSizes)}. Export it with opset-only: true, or run it with engine torch.");
        if (heads == kvHeads) Scales(Scoped(name), x, start: 2 * heads * size); // means of values
        List<Messages.AttributeProto> attributes =
        [
            OnnxBuilder.Attribute("num_heads", heads),
            OnnxBuilder.Attribute("kv_num_heads", kvHeads),
            OnnxBuilder.Attribute("do_rotary", x.Rotation is null ? 0 : 1),
        ];
        if (!causal) attributes.Add(OnnxBuilder.Attribute("causal", 0));
        if (window > 0) attributes.Add(OnnxBuilder.Attribute("local_window_size", window));
        if (softcap > 0) attributes.Add(OnnxBuilder.Attribute("softcap", softcap));
        List<string> inputs = [x.Name, "", "", .. lengths];
        if (x.Rotation is { } rotation) inputs.AddRange([rotation.Cosines, rotation.Sines]);
        if (scales is not null)
        {
            // Behind the cosines and sines, positions, a bias and sinks.
            while (inputs.Count < ScalesInput) inputs.Add("");
            foreach (var (part, values) in new[] { ("k", scales.Keys), ("v", scales.Values) })
            {
                inputs.Add(Builder.Constant<float>($"{Scoped(name)}.{part}.scales", DataType.Float, values, kvHeads, size));
                attributes.Add(OnnxBuilder.Attribute(part + "_quant_type", "PER_CHANNEL"));
            }

            attributes.Add(OnnxBuilder.Attribute("kv_cache_bit_width", 8));
        }

        Builder.Node("GroupQueryAttention", OnnxBuilder.Microsoft, inputs, [Scoped(name), .. presents], [.. attributes]);
        return new(Scoped(name), heads * size);
    }
}
