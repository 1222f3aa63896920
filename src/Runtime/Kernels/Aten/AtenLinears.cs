using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Linear layers by libtorch's matrix products, on any device.</summary>
internal static class AtenLinears
{
    public static void Linear(Tensor x, Tensor weight, Tensor? bias, Tensor y)
    {
        using var transposed = NativeTensor.Transpose(weight);
        if (bias is null) MatrixProducts.Mm(y.Handle, x.Handle, transposed.Handle, MatrixProducts.IsCuda(y));
        else MatrixProducts.AddMm(y.Handle, bias.Handle, x.Handle, transposed.Handle, 1, MatrixProducts.IsCuda(y));
    }

    public static void LinearGradInput(Tensor dy, Tensor weight, Tensor dx) =>
        MatrixProducts.Mm(dx.Handle, dy.Handle, weight.Handle, MatrixProducts.IsCuda(dx));

    public static void LinearGradWeight(Tensor dy, Tensor x, bool accumulate, Tensor dWeight)
    {
        using var transposed = NativeTensor.Transpose(dy);
        GradWeight(transposed.Handle, x, accumulate, dWeight);
    }

    /// <summary>dWeight [M, K] = dyᵀ [M, N] · x [N, K]; the first is a view.</summary>
    public static void GradWeight(nint dyTransposed, Tensor x, bool accumulate, Tensor dWeight)
    {
        var cuda = MatrixProducts.IsCuda(dWeight);
        if (x.dtype != ScalarType.Float32)
        {
            // libtorch's products have one type for operands and result; the sum over N is fp32 inside, then rounded once.
            using var product = empty(dWeight.shape, x.dtype, x.device);
            MatrixProducts.Mm(product.Handle, dyTransposed, x.Handle, cuda);
            Aten.Store(product, accumulate, dWeight);
        }
        else if (accumulate)
        {
            MatrixProducts.AddMm(dWeight.Handle, dWeight.Handle, dyTransposed, x.Handle, 1, cuda);
        }
        else
        {
            MatrixProducts.Mm(dWeight.Handle, dyTransposed, x.Handle, cuda);
        }
    }

    public static void LinearGradBias(Tensor dy, bool accumulate, Tensor dBias)
    {
        using var sum = dy.sum(0, type: ScalarType.Float32);
        Aten.Store(sum, accumulate, dBias);
    }
}
