using System.Runtime.CompilerServices;
using ModelCompiler.Runtime.Onnx.Messages;

namespace ModelCompiler.Runtime.Onnx.Steps.Ops;

/// <summary>The row of a table in few bits that the token's id names.</summary>
internal sealed unsafe class PackedLookup(byte* codes, float* scales, int width, int bits, int group, int y) : IStepOp
{
    public static bool Add(StepBuilder builder, NodeProto node)
    {
        if (node.Input[1] != OnnxGraph.InputIds || builder.Constant(node.Input[0]) is not { } codes) return false;
        var (bits, group) = ((int)node.Int("bits"), (int)node.Int("block_size"));
        var width = (int)codes.Dims[1] * 8 / bits;
        var y = builder.Add(node.Output[0], width);
        builder.Ops.Add(new PackedLookup(builder.Weights.Copy(builder.Elements<byte>(codes)), builder.Floats(node.Input[2]), width, bits, group, y.Offset));
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(in StepContext context)
    {
        var (each, zero, mask, groups) = (8 / bits, 1 << (bits - 1), (1 << bits) - 1, (width + group - 1) / group);
        var row = codes + ((long)context.Token * (width / each));
        var scale = scales + ((long)context.Token * groups);
        for (var i = 0; i < width; i++)
            context.Values[y + i] = (((row[i / each] >> (i % each * bits)) & mask) - zero) * scale[i / group];
    }
}
