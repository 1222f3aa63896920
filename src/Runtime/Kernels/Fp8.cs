using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

public static partial class Kernels
{
    /// <summary>y = x · weightᵀ with operands in e4m3 and a scale each (Micikevicius et al. 2022).</summary>
    /// <param name="x">bf16 [N, K]; N, K and M are multiples of 16.</param>
    /// <param name="weight">bf16 [M, K]</param>
    /// <param name="y">bf16 [N, M]</param>
    public static void LinearFp8(Tensor x, Tensor weight, Tensor y) => AtenFp8.Linear(x, weight, y);

    /// <summary>The gradient of <see cref="LinearFp8"/> for its input, dy in e5m2.</summary>
    /// <param name="dy">bf16 [N, M]</param>
    /// <param name="weight">bf16 [M, K]</param>
    /// <param name="dx">bf16 [N, K]</param>
    public static void LinearFp8GradInput(Tensor dy, Tensor weight, Tensor dx) => AtenFp8.LinearGradInput(dy, weight, dx);

    /// <summary>The gradient of <see cref="LinearFp8"/> for its weight, dy in e5m2.</summary>
    /// <param name="dy">bf16 [N, M]</param>
    /// <param name="x">bf16 [N, K]</param>
    /// <param name="accumulate">Add to <paramref name="dWeight"/>.</param>
    /// <param name="dWeight">fp32 [M, K]</param>
    public static void LinearFp8GradWeight(Tensor dy, Tensor x, bool accumulate, Tensor dWeight) =>
        AtenFp8.LinearGradWeight(dy, x, accumulate, dWeight);

    /// <summary>Refuses a device that does not multiply 8-bit floating-point numbers itself; generated code asks before it trains.</summary>
    /// <exception cref="NotSupportedException">It is no GPU, or one without fp8.</exception>
    public static void RequireFp8(Device device)
    {
        const string Remedy = "Train on an NVIDIA GPU of compute capability 8.9 or later (Ada, Hopper), or remove 'fp8' from efficiency.precision.";
        if (device.type != DeviceType.CUDA)
            throw new NotSupportedException($"The model is declared with fp8 products, which {device} does not have. {Remedy}");
        using var scope = NewDisposeScope();
        try
        {
            var (x, y) = (ones([16, 16], ScalarType.BFloat16, device), empty([16, 16], ScalarType.BFloat16, device));
            LinearFp8(x, x, y);
        }
        catch (NativeException e)
        {
            throw new NotSupportedException($"The model is declared with fp8 products, which libtorch refuses on {device}. {Remedy}", e);
        }
    }
}
