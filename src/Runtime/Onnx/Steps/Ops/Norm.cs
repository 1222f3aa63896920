using System.Runtime.CompilerServices;
using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Onnx.Messages;

namespace ModelCompiler.Runtime.Onnx.Steps.Ops;

/// <summary>A normalization of each row, perhaps of a sum that it gives too.</summary>
internal sealed unsafe class Norm(float* weight, float* bias, bool centers, float epsilon, StepValue x, int y, int addend, int sum) : StepOp
{
    private const int None = -1;

    private readonly int _count = x.Count, _width = x.Width;

    public static bool AddLayer(StepBuilder builder, NodeProto node) => Add(builder, node, node.Input[0], None, None, node.InputAt(2), centers: true, weight: 1);

    public static bool AddRms(StepBuilder builder, NodeProto node) => Add(builder, node, node.Input[0], None, None, "", centers: false, weight: 1);

    public static bool AddSkip(StepBuilder builder, NodeProto node)
    {
        if (builder.Find(node.Input[0]) is not { } x || builder.Find(node.Input[1]) is not { } addend || node.Output is not [_, _, _, var sum]) return false;
        return Add(builder, node, node.Input[0], addend.Offset, builder.Add(sum, x.Shape).Offset, "", centers: false, weight: 2);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Run(in StepContext context)
    {
        var row = context.Values + x.Offset;
        if (addend != None)
        {
            Pointwise.Binary<Sum>(row, context.Values + addend, context.Values + sum, _count);
            row = context.Values + sum;
        }

        CpuNorms.Forward(row, weight, bias, epsilon, context.Values + y, centers, _count / _width, _width);
    }

    private static bool Add(StepBuilder builder, NodeProto node, string input, int addend, int sum, string bias, bool centers, int weight)
    {
        if (builder.Find(input) is not { } x || builder.Constant(node.Input[weight]) is null) return false;
        var y = builder.Add(node.Output[0], x.Shape);
        builder.Ops.Add(new Norm(builder.Kept<float>(node.Input[weight]), builder.Kept<float>(bias), centers, node.Float("epsilon"), x, y.Offset, addend, sum));
        return true;
    }
}
