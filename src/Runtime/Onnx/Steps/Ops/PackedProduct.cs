using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Onnx.Messages;

namespace ModelCompiler.Runtime.Onnx.Steps.Ops;

/// <summary>
/// x · Wᵀ + bias of weights in 8, 4 or 2 bits with a scale for each group of a row. The input is rounded to 8 bits, group by group; products of
/// bytes are summed in integers, and groups in fp32. The codes of 16 outputs lie side by side, four inputs of each in a word, so that no
/// lane is summed with another; before those of a group stand its scales and zero points.
/// </summary>
internal sealed unsafe class PackedProduct : IStepOp
{
    private const int Most = 127;

    private readonly PackedTiles _weights;
    private readonly float* _bias;
    private readonly int _x, _y, _codes, _scales;

    private PackedProduct(PackedTiles weights, float* bias, int x, int y, int codes, int scales)
    {
        _bias = bias;
        (_weights, _x, _y, _codes, _scales) = (weights, x, y, codes, scales);
    }

    /// <summary>Of 4 or 2 bits with a scale for each group of a row, and a zero point where it is not the middle.</summary>
    public static bool AddGroups(StepBuilder builder, NodeProto node)
    {
        var (bits, group) = ((int)node.Int("bits"), (int)node.Int("block_size"));
        if (bits is not (2 or 4) || group % Lanes.Count != 0 || builder.Find(node.Input[0]) is not { Shape: [var inputs] } x || inputs != node.Int("K")) return false;
        if (builder.Constant(node.Input[1]) is not { } codes || builder.Constant(node.Input[2]) is not { } scales) return false;
        return Add(builder, node, x, node.InputAt(5), builder.Once(codes.Name + "/tiles", () => PackedTiles.OfGroups(
            builder.Weights, builder.Elements<byte>(codes), builder.Elements<float>(scales),
            builder.Constant(node.InputAt(3)) is { } zeros ? builder.Elements<byte>(zeros) : [], inputs, (int)node.Int("N"), bits, group)));
    }

    /// <summary>Of bytes with a scale for each row.</summary>
    public static bool AddRows(StepBuilder builder, NodeProto node)
    {
        if (builder.Constant(node.Input[1]) is not { Dims: [var inputs, var outputs] } codes || builder.Constant(node.Input[2]) is not { } scales) return false;
        if (builder.Find(node.Input[0]) is not { Shape: [var width] } x || width != inputs || node.InputAt(3).Length > 0) return false;
        if (!PackedTiles.Holds(builder.Elements<sbyte>(codes))) return false;
        return Add(builder, node, x, node.InputAt(4), builder.Once(codes.Name + "/tiles", () => PackedTiles.OfBytes(
            builder.Weights, builder.Elements<sbyte>(codes), builder.Elements<float>(scales), (int)inputs, (int)outputs)));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(in StepContext context)
    {
        float* y = context.Values + _y, scales = context.Values + _scales;
        var codes = (sbyte*)(context.Values + _codes);
        Round(context.Values + _x, codes, scales);
        _weights.Multiply(codes, scales, y);
        if (_bias is null) return;
        for (var i = 0; i < _weights.Outputs; i += Lanes.Count) (Vector512.Load(y + i) + Vector512.Load(_bias + i)).Store(y + i);
    }

    private static bool Add(StepBuilder builder, NodeProto node, StepValue x, string biasName, PackedTiles weights)
    {
        float* bias = null;
        if (builder.Constant(biasName) is { } tensor)
        {
            bias = builder.Weights.Allocate<float>(weights.Outputs);
            var values = builder.Elements<float>(tensor);
            values.CopyTo(new(bias, values.Length));
        }

        var name = node.Output[0];
        var codes = builder.Add(name + ".codes", weights.Columns / sizeof(float));
        var scales = builder.Add(name + ".scales", 2 * weights.Groups);
        var y = builder.Add(name, weights.Rows);
        builder.Ops.Add(new PackedProduct(weights, bias, x.Offset, y.Offset, codes.Offset, scales.Offset));
        return true;
    }

    /// <summary>To 8 bits, for each group its scale, and its sum in multiples of that; beyond the input's end zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Round(float* x, sbyte* codes, float* scales)
    {
        for (var group = 0; group < _weights.Groups; group++)
        {
            var (start, end) = (group * _weights.Group, Math.Min(_weights.Inputs, (group + 1) * _weights.Group));
            var largest = Vector512<float>.Zero;
            for (var i = start; i < end; i += Lanes.Count) largest = Vector512.Max(largest, Vector512.Abs(Lanes.Load((Fp32*)x, i, end)));
            var scale = Lanes.Max(largest) / Most;
            var (inverse, sum) = (Vector512.Create(scale > 0 ? 1 / scale : 0), Vector512<int>.Zero);
            for (var i = start; i < end; i += Lanes.Count)
            {
                var code = Vector512.ConvertToInt32Native(Vector512.Round(Lanes.Load((Fp32*)x, i, end) * inverse));
                sum += code;
                Narrow(code).Store(codes + i);
            }

            (scales[2 * group], scales[(2 * group) + 1]) = (scale, scale * Vector512.Sum(sum));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<sbyte> Narrow(Vector512<int> code)
    {
        var half = Vector256.Narrow(code.GetLower(), code.GetUpper());
        return Vector128.Narrow(half.GetLower(), half.GetUpper());
    }
}
