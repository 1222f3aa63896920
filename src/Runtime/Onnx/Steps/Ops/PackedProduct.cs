using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Onnx.Messages;

namespace ModelCompiler.Runtime.Onnx.Steps.Ops;

/// <summary>
/// x · Wᵀ + bias of weights in 8, 4 or 2 bits with a scale for each row, or each group of one. The input is rounded to 8 bits, group by group; products of
/// bytes are summed in integers, and groups in fp32.
/// </summary>
/// <param name="weights">Of few bits.</param>
/// <param name="bias">[outputs], or null.</param>
/// <param name="codes">The input, rounded.</param>
/// <param name="scales">Scale and sum of each of its groups.</param>
/// <param name="y">[outputs]</param>
/// <param name="tiles">How threads share the weights.</param>
internal sealed unsafe class PackedProduct(IPackedTiles weights, float* bias, int codes, int scales, int y, StepParts tiles) : IStepOp
{
    public int Parts => tiles.Count;

    public IPackedTiles Weights => weights;

    /// <summary>Of 4 or 2 bits with a scale for each group of a row, and a zero point where it is not the middle.</summary>
    public static bool AddGroups(StepBuilder builder, NodeProto node)
    {
        var (bits, group) = ((int)node.Int("bits"), (int)node.Int("block_size"));
        if (bits is not (2 or 4) || group % Lanes.Count != 0 || builder.Find(node.Input[0]) is not { Shape: [var inputs] } x || inputs != node.Int("K")) return false;
        if (builder.Constant(node.Input[1]) is not { } codes || builder.Constant(node.Input[2]) is not { } scales) return false;
        var zeros = builder.Kept<byte>(node.InputAt(3));
        if (zeros is null && node.InputAt(3).Length > 0) return false;
        return Add(builder, node, x, node.InputAt(5), builder.Once(codes.Name + "/tiles", () => PackedTiles.OfGroups(
            builder.Weights, builder.Kept<byte>(codes.Name), builder.Kept<float>(scales.Name), zeros, inputs, (int)node.Int("N"), bits, group)));
    }

    /// <summary>Of bytes with a scale for each row.</summary>
    public static bool AddRows(StepBuilder builder, NodeProto node)
    {
        if (builder.Constant(node.Input[1]) is not { Dims: [var inputs, var outputs] } codes || builder.Constant(node.Input[2]) is not { } scales) return false;
        if (builder.Find(node.Input[0]) is not { Shape: [var width] } x || width != inputs || node.InputAt(3).Length > 0) return false;
        if (!PackedTiles.Holds(builder.Elements<sbyte>(codes))) return false;
        return Add(builder, node, x, node.InputAt(4), builder.Once(codes.Name + "/tiles", () => PackedTiles.OfBytes(
            builder.Weights, builder.Kept<sbyte>(codes.Name), builder.Elements<float>(scales), (int)inputs, (int)outputs)));
    }

    public void Run(in StepContext context, int part)
    {
        var (first, end) = tiles.Of(part);
        weights.Multiply((sbyte*)(context.Values + codes), context.Values + scales, context.Values + y, first, end);
        AddBias(context.Values, first, end);
    }

    public void Run(StepTokens tokens, int first, int part)
    {
        var (begin, end) = tiles.Of(part);
        var token = first;
        // Without 512-bit registers four sums do not stay in them.
        for (; Vector512.IsHardwareAccelerated && token + 4 <= tokens.Count; token += 4)
        {
            var values = tokens.ValuesOf(token);
            weights.MultiplyFour((sbyte*)(values + codes), values + scales, values + y, (nint)(tokens.ValuesOf(token + 1) - values), begin, end);
            for (var some = token; some < token + 4; some++) AddBias(tokens.ValuesOf(some), begin, end);
        }

        for (; token < tokens.Count; token++) Run(tokens.Of(token), part);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddBias(float* values, int first, int end)
    {
        if (bias is null) return;
        var output = values + y;
        for (var i = first * PackedTiles.Rows; i < end * PackedTiles.Rows; i += Lanes.Count) (Vector512.Load(output + i) + Vector512.Load(bias + i)).Store(output + i);
    }

    private static bool Add(StepBuilder builder, NodeProto node, StepValue x, string biasName, IPackedTiles weights)
    {
        float* bias = null;
        if (biasName.Length > 0)
        {
            if (builder.Constant(biasName) is not { } tensor) return false;
            bias = builder.Weights.Allocate<float>((long)weights.Count * PackedTiles.Rows);
            var values = builder.Elements<float>(tensor);
            values.CopyTo(new(bias, values.Length));
        }

        var (name, shape) = (node.Output[0], weights.Shape);
        var (codes, scales) = builder.Once($"{x.Count} at {x.Offset} in groups of {shape.Group}", () => Round(builder, x, shape));
        var y = builder.Add(name, shape.Rows);
        builder.Ops.Add(new PackedProduct(weights, bias, codes, scales, y.Offset, builder.Parts(weights.Count, weights.Bytes)));
        return true;
    }

    /// <summary>Once for all products of an input.</summary>
    private static (int Codes, int Scales) Round(StepBuilder builder, StepValue x, PackedShape shape)
    {
        var codes = builder.Add($"{x.Offset}.{x.Count}.codes.{shape.Group}", shape.Columns / sizeof(float)).Offset;
        var scales = builder.Add($"{x.Offset}.{x.Count}.scales.{shape.Group}", 2 * shape.Groups).Offset;
        builder.Ops.Add(new Rounding(x.Offset, x.Count, shape.Group, codes, scales));
        return (codes, scales);
    }
}
