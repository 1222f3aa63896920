using System.Runtime.CompilerServices;
using ModelCompiler.Runtime.Onnx.Linears;
using ModelCompiler.Runtime.Onnx.Messages;

namespace ModelCompiler.Runtime.Onnx.Steps.Ops;

/// <summary>The row of a table in few bits that the token's id names.</summary>
internal sealed unsafe class PackedLookup(byte* codes, float* scales, int width, int bits, int group, int y) : StepOp
{
    public static bool Add(StepBuilder builder, NodeProto node)
    {
        if (node.Input[1] != OnnxGraph.InputIds || builder.Constant(node.Input[0]) is not { } codes) return false;
        var (bits, group) = ((int)node.Int("bits"), (int)node.Int("block_size"));
        var width = (int)codes.Dims[1] * 8 / bits;
        var y = builder.Add(node.Output[0], width);
        builder.Ops.Add(new PackedLookup(builder.Kept<byte>(codes.Name), builder.Kept<float>(node.Input[2]), width, bits, group, y.Offset));
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Run(in StepContext context)
    {
        var (zero, groups, bytes) = (1 << (bits - 1), (width + group - 1) / group, PackedCodes.Bytes(width, bits));
        var row = new ReadOnlySpan<byte>(codes + ((long)context.Token * bytes), bytes);
        var scale = scales + ((long)context.Token * groups);
        for (var i = 0; i < width; i++)
            context.Values[y + i] = (PackedCodes.At(row, i, bits) - zero) * scale[i / group];
    }
}
