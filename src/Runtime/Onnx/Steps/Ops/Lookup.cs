using System.Runtime.CompilerServices;
using ModelCompiler.Runtime.Onnx.Messages;

namespace ModelCompiler.Runtime.Onnx.Steps.Ops;

/// <summary>The row of a table that the token's id, or its position, names.</summary>
internal sealed unsafe class Lookup(float* table, int width, bool byPosition, int y) : StepOp
{
    public static bool Add(StepBuilder builder, NodeProto node)
    {
        if (node.Input[1] == OnnxGraph.RowsInput)
        {
            builder.BeginHead();
            return Views.Identity(builder, node);
        }

        if (node.Input[1] is not (OnnxGraph.InputIds or OnnxGraph.PositionIds) || builder.Constant(node.Input[0]) is not { } table) return false;
        var width = (int)table.Dims[1];
        var y = builder.Add(node.Output[0], width);
        builder.Ops.Add(new Lookup(builder.Kept<float>(table.Name), width, node.Input[1] == OnnxGraph.PositionIds, y.Offset));
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Run(in StepContext context)
    {
        var row = byPosition ? context.Position : context.Token;
        new ReadOnlySpan<float>(table + ((long)row * width), width).CopyTo(new(context.Values + y, width));
    }
}
