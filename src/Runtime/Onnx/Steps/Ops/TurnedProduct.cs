using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Onnx.Messages;

namespace ModelCompiler.Runtime.Onnx.Steps.Ops;

/// <summary>x · Wᵀ in fp32, W [M, K] as it lies in the file: the table of embeddings, as head.</summary>
internal sealed unsafe class TurnedProduct(float* weights, int inputs, int x, int y, StepParts rows) : IStepOp
{
    public int Parts => rows.Count;

    public static bool Add(StepBuilder builder, NodeProto node, StepValue x, TensorProto table)
    {
        if (table is not { Dims: [var outputs, var inputs] } || inputs != x.Count) return false;
        builder.Ops.Add(new TurnedProduct(
            builder.Kept<float>(table.Name), (int)inputs, x.Offset, builder.Add(node.Output[0], (int)outputs).Offset, builder.Parts((int)outputs, outputs * inputs * sizeof(float))));
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(in StepContext context, int part)
    {
        var (first, end) = rows.Of(part);
        var input = (Fp32*)(context.Values + x);
        var output = context.Values + y;
        for (var row = first; row < end; row++)
        {
            var weight = (Fp32*)(weights + (row * (long)inputs));
            Vector512<float> even = default, odd = default;
            for (long i = 0; i < inputs; i += 2 * Lanes.Count)
            {
                even = Vector512.FusedMultiplyAdd(Lanes.Load(input, i, inputs), Lanes.Load(weight, i, inputs), even);
                if (i + Lanes.Count < inputs) odd = Vector512.FusedMultiplyAdd(Lanes.Load(input, i + Lanes.Count, inputs), Lanes.Load(weight, i + Lanes.Count, inputs), odd);
            }

            output[row] = Vector512.Sum(even + odd);
        }
    }
}
