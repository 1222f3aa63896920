using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Onnx.Messages;

namespace ModelCompiler.Runtime.Onnx.Steps.Ops;

/// <summary>
/// x · W in fp32. The weights of 16 outputs lie side by side, input by input, so that they are read in order and no lane is summed with another.
/// </summary>
internal sealed unsafe class Product(float* weights, int inputs, int outputs, int x, int y) : IStepOp
{
    private const int Tile = 16;

    public static bool Add(StepBuilder builder, NodeProto node)
    {
        if (builder.Find(node.Input[0]) is not { Shape: [var inputs] } x) return false;

        // [K, M]; or [M, K], where a table of embeddings is turned.
        var turned = builder.Turned(node.Input[1]);
        if ((turned ?? builder.Constant(node.Input[1])) is not { Dims: [var rows, var columns] } tensor) return false;
        if ((turned is null ? rows : columns) != inputs) return false;
        var outputs = (int)(turned is null ? columns : rows);
        var weights = (float*)builder.Once(node.Input[1] + "/tiles", () => (nint)Tiles(builder, tensor, inputs, outputs, turned is not null));
        builder.Ops.Add(new Product(weights, inputs, Padded(outputs), x.Offset, builder.Add(node.Output[0], outputs).Offset));
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(in StepContext context)
    {
        float* input = context.Values + x, output = context.Values + y, weight = weights;
        for (var tile = 0; tile < outputs; tile += Tile)
        {
            // Four sums, so that one need not wait for the other.
            Vector512<float> a = default, b = default, c = default, d = default;
            var k = 0;
            for (; k + 4 <= inputs; k += 4, weight += 4 * Tile)
            {
                a = Vector512.FusedMultiplyAdd(Vector512.Create(input[k]), Vector512.LoadAligned(weight), a);
                b = Vector512.FusedMultiplyAdd(Vector512.Create(input[k + 1]), Vector512.LoadAligned(weight + Tile), b);
                c = Vector512.FusedMultiplyAdd(Vector512.Create(input[k + 2]), Vector512.LoadAligned(weight + (2 * Tile)), c);
                d = Vector512.FusedMultiplyAdd(Vector512.Create(input[k + 3]), Vector512.LoadAligned(weight + (3 * Tile)), d);
            }

            for (; k < inputs; k++, weight += Tile) a = Vector512.FusedMultiplyAdd(Vector512.Create(input[k]), Vector512.LoadAligned(weight), a);
            (a + b + (c + d)).StoreAligned(output + tile);
        }
    }

    private static int Padded(int outputs) => (outputs + Tile - 1) / Tile * Tile;

    private static float* Tiles(StepBuilder builder, TensorProto tensor, int inputs, int outputs, bool turned)
    {
        var elements = builder.Elements<float>(tensor);
        var weights = builder.Weights.Allocate<float>((long)Padded(outputs) * inputs);
        for (var output = 0; output < outputs; output++)
            for (var input = 0; input < inputs; input++)
            {
                var place = ((((long)(output / Tile) * inputs) + input) * Tile) + (output % Tile);
                weights[place] = elements[turned ? (output * inputs) + input : (input * outputs) + output];
            }

        return weights;
    }
}
