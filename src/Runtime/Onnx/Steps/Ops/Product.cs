using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Onnx.Messages;

namespace ModelCompiler.Runtime.Onnx.Steps.Ops;

/// <summary>x · W in fp32, W [K, M] as it lies in the file: each part has some columns, and goes down the rows.</summary>
internal sealed unsafe class Product(float* weights, int inputs, int outputs, int x, int y, StepParts columns) : IStepOp
{
    /// <summary>Columns that are not divided, and rows that are added at a time.</summary>
    private const int Unit = 128, Rows = 8;

    public int Parts => columns.Count;

    public static bool Add(StepBuilder builder, NodeProto node)
    {
        if (builder.Find(node.Input[0]) is not { Shape: [var inputs] } x) return false;
        if (builder.Turned(node.Input[1]) is { } turned) return TurnedProduct.Add(builder, node, x, turned);
        if (builder.Constant(node.Input[1]) is not { Dims: [var rows, var outputs] } tensor || rows != inputs) return false;
        var columns = builder.Parts(((int)outputs + Unit - 1) / Unit, rows * outputs * sizeof(float));
        builder.Ops.Add(new Product(builder.Kept<float>(tensor.Name), inputs, (int)outputs, x.Offset, builder.Add(node.Output[0], (int)outputs).Offset, columns));
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(in StepContext context, int part)
    {
        var (first, end) = columns.Of(part);
        (first, end) = (first * Unit, Math.Min(outputs, end * Unit));
        float* input = context.Values + x, output = context.Values + y;
        new Span<float>(output + first, end - first).Clear();
        var k = 0;
        for (; k + Rows <= inputs; k += Rows) AddRows(input + k, weights + (k * (long)outputs), output, first, end);
        for (; k < inputs; k++)
        {
            var factor = Vector512.Create(input[k]);
            Fp32* row = (Fp32*)(weights + (k * (long)outputs)), sums = (Fp32*)output;
            for (long i = first; i < end; i += Lanes.Count)
                Lanes.Store(sums, i, end, Vector512.FusedMultiplyAdd(factor, Lanes.Load(row, i, end), Lanes.Load(sums, i, end)));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void AddRows(float* input, float* row, float* output, int first, int end)
    {
        long stride = outputs;
        var a = Vector512.Create(input[0]);
        var b = Vector512.Create(input[1]);
        var c = Vector512.Create(input[2]);
        var d = Vector512.Create(input[3]);
        var e = Vector512.Create(input[4]);
        var f = Vector512.Create(input[5]);
        var g = Vector512.Create(input[6]);
        var h = Vector512.Create(input[7]);
        for (long i = first; i < end; i += Lanes.Count)
        {
            var at = (Fp32*)row;
            Prefetch((float*)at + i);
            var even = Vector512.FusedMultiplyAdd(a, Lanes.Load(at, i, end), Lanes.Load((Fp32*)output, i, end));
            var odd = b * Lanes.Load(at + stride, i, end);
            at += 2 * stride;
            even = Vector512.FusedMultiplyAdd(c, Lanes.Load(at, i, end), even);
            odd = Vector512.FusedMultiplyAdd(d, Lanes.Load(at + stride, i, end), odd);
            at += 2 * stride;
            even = Vector512.FusedMultiplyAdd(e, Lanes.Load(at, i, end), even);
            odd = Vector512.FusedMultiplyAdd(f, Lanes.Load(at + stride, i, end), odd);
            at += 2 * stride;
            even = Vector512.FusedMultiplyAdd(g, Lanes.Load(at, i, end), even);
            odd = Vector512.FusedMultiplyAdd(h, Lanes.Load(at + stride, i, end), odd);
            Lanes.Store((Fp32*)output, i, end, even + odd);
        }
    }

    /// <summary>The same columns of the next rows: beyond a page the processor does not foresee them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Prefetch(float* place)
    {
        if (!Sse.IsSupported) return;
        place += Rows * (long)outputs;
        for (var row = 0; row < Rows; row++, place += outputs) Sse.Prefetch0(place);
    }
}
