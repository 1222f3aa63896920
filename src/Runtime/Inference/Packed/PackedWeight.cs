using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Inference.Packed;

/// <summary>
/// A weight of few bits. Libtorch's products with such weights are fast for bf16 activations alone: in fp32 and fp16 they take 20 times as long
/// on the CPU. So activations of any type are narrowed to bf16, and scales are in bf16 too.
/// </summary>
/// <param name="columns">K</param>
internal abstract class PackedWeight(long columns) : LinearWeight
{
    internal sealed override void Multiply(Tensor x, Tensor? bias, Tensor y)
    {
        var rows = x.size(0);
        if (x.dtype == ScalarType.BFloat16)
        {
            using var same = NativeTensor.View(x, [rows, columns], [columns, 1]);
            Multiply(same, y);
        }
        else if (x.device_type == TorchSharp.DeviceType.CPU)
        {
            using var narrow = NativeTensor.View(Scratch.Rent(ScalarType.BFloat16, rows * columns), [rows, columns], [columns, 1]);
            NativeTensor.Copy(x.Handle, narrow.Handle);
            Multiply(narrow, y);
        }
        else
        {
            using var narrow = x.to(ScalarType.BFloat16);
            using var view = NativeTensor.View(narrow, [rows, columns], [columns, 1]);
            Multiply(view, y);
        }

        if (bias is not null) Kernels.AddBias(y, bias, y);
    }

    /// <param name="x">bf16 [N, K]</param>
    /// <param name="y">[N, M], of any type.</param>
    protected abstract void Multiply(scoped NativeTensor x, Tensor y);
}
