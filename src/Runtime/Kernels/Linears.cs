using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Inference.Packed;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

public static partial class Kernels
{
    /// <summary>y = x · weightᵀ + bias</summary>
    /// <param name="x">[N, K]</param>
    /// <param name="weight">[M, K]</param>
    /// <param name="bias">[M], or null.</param>
    /// <param name="y">[N, M]</param>
    public static void Linear(Tensor x, Tensor weight, Tensor? bias, Tensor y) => AtenLinears.Linear(x, weight, bias, y);

    /// <summary><see cref="Linear(Tensor, Tensor, Tensor, Tensor)"/> with a weight in the form that an inference program has.</summary>
    /// <param name="x">[N, K]</param>
    /// <param name="weight">[M, K]</param>
    /// <param name="bias">[M], or null.</param>
    /// <param name="y">[N, M]</param>
    public static void Linear(Tensor x, LinearWeight weight, Tensor? bias, Tensor y) => weight.Multiply(x, bias, y);

    /// <summary>The gradient of <see cref="Linear(Tensor, Tensor, Tensor, Tensor)"/> for its input: dx = dy · weight.</summary>
    /// <param name="dy">[N, M]</param>
    /// <param name="weight">[M, K]</param>
    /// <param name="dx">[N, K]</param>
    public static void LinearGradInput(Tensor dy, Tensor weight, Tensor dx) => AtenLinears.LinearGradInput(dy, weight, dx);

    /// <summary>The gradient of <see cref="Linear(Tensor, Tensor, Tensor, Tensor)"/> for its weight: dWeight = dyᵀ · x.</summary>
    /// <param name="dy">[N, M]</param>
    /// <param name="x">[N, K]</param>
    /// <param name="accumulate">Add to <paramref name="dWeight"/>.</param>
    /// <param name="dWeight">fp32 [M, K]</param>
    public static void LinearGradWeight(Tensor dy, Tensor x, bool accumulate, Tensor dWeight)
    {
        using var transposed = NativeTensor.Transpose(dy);
        GradWeight(transposed.Handle, x, accumulate, dWeight);
    }

    /// <summary>Adds the product h · weightᵀ to the columns of x from start on.</summary>
    /// <param name="x">[N, P]</param>
    /// <param name="h">[N, R]</param>
    /// <param name="weight">[M, R]</param>
    /// <param name="start">The first of the M columns.</param>
    /// <param name="y">[N, P]; may be x, or lie where x does.</param>
    public static unsafe void AddProduct(Tensor x, Tensor h, Tensor weight, int start, Tensor y)
    {
        if (Cpu.Pointer(x) != Cpu.Pointer(y)) y.copy_(x);
        using var columns = NativeTensor.View(y, [y.size(0), weight.size(0)], [y.size(1), 1], start);
        using var transposed = NativeTensor.Transpose(weight);
        MatrixProducts.AddMm(columns.Handle, columns.Handle, h.Handle, transposed.Handle, 1, MatrixProducts.IsCuda(y));
    }

    /// <summary>The gradients of <see cref="AddProduct"/> for h and weight; that for x is dy itself.</summary>
    /// <param name="dy">[N, P]</param>
    /// <param name="h">[N, R]</param>
    /// <param name="weight">[M, R]</param>
    /// <param name="start">The first of the M columns.</param>
    /// <param name="accumulate">Add to <paramref name="dWeight"/>.</param>
    /// <param name="dh">[N, R]</param>
    /// <param name="dWeight">fp32 [M, R]</param>
    public static void AddProductGrad(Tensor dy, Tensor h, Tensor weight, int start, bool accumulate, Tensor dh, Tensor dWeight)
    {
        var (rows, all, width) = (dy.size(0), dy.size(1), weight.size(0));
        using var columns = NativeTensor.View(dy, [rows, width], [all, 1], start);
        using var transposed = NativeTensor.View(dy, [width, rows], [1, all], start);
        GradWeight(transposed.Handle, h, accumulate, dWeight);
        MatrixProducts.Mm(dh.Handle, columns.Handle, weight.Handle, MatrixProducts.IsCuda(dh));
    }

    private static void GradWeight(nint dyTransposed, Tensor x, bool accumulate, Tensor dWeight)
    {
        if (Cpu.Takes(x) && x.dtype != ScalarType.Float32) CpuLinears.GradWeight(dyTransposed, x, accumulate, dWeight);
        else AtenLinears.GradWeight(dyTransposed, x, accumulate, dWeight);
    }

    /// <summary>The gradient of <see cref="Linear(Tensor, Tensor, Tensor, Tensor)"/> for its bias: the sum over the rows.</summary>
    /// <param name="dy">[N, M]</param>
    /// <param name="accumulate">Add to <paramref name="dBias"/>.</param>
    /// <param name="dBias">fp32 [M]</param>
    public static void LinearGradBias(Tensor dy, bool accumulate, Tensor dBias)
    {
        if (Cpu.Takes(dy)) ColumnSums.Sum(dy, accumulate, dBias);
        else AtenLinears.LinearGradBias(dy, accumulate, dBias);
    }
}
