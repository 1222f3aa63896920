using TorchSharp;

namespace ModelCompiler.Runtime.Native;

/// <summary>Matrix products into given tensors, on the device of the output. Operands may be strided views.</summary>
internal static unsafe class MatrixProducts
{
    /// <summary>output [M, N] = a [M, K] · b [K, N]</summary>
    public static void Mm(nint output, nint a, nint b, bool cuda) =>
        Check(cuda ? LibTorch.CudaMm(output, a, b) : LibTorch.CpuMm(output, a, b), "mm", output, a, b);

    /// <summary>output [M, N] = beta · addend + a [M, K] · b [K, N]; the addend broadcasts and may be the output.</summary>
    public static void AddMm(nint output, nint addend, nint a, nint b, double beta, bool cuda) =>
        Check(
            cuda ? LibTorch.CudaAddMm(output, addend, a, b, beta, 1) : LibTorch.CpuAddMm(output, addend, a, b, beta, 1),
            "addmm", output, a, b);

    /// <summary>output [G, M, N] = a [G, M, K] · b [G, K, N]</summary>
    public static void Bmm(nint output, nint a, nint b, bool cuda) =>
        Check(cuda ? LibTorch.CudaBmm(output, a, b) : LibTorch.CpuBmm(output, a, b), "bmm", output, a, b);

    /// <summary>output [G, M, N] = beta · addend [G, M, N] + alpha · a [G, M, K] · b [G, K, N]; the output is none of the others.</summary>
    public static void AddBmm(nint output, nint addend, nint a, nint b, double beta, double alpha, bool cuda) =>
        Check(
            cuda ? LibTorch.CudaAddBmm(output, addend, a, b, beta, alpha) : LibTorch.CpuAddBmm(output, addend, a, b, beta, alpha),
            "baddbmm", output, a, b);

    public static bool IsCuda(torch.Tensor tensor) => tensor.device_type == DeviceType.CUDA;

    private static void Check(int error, string name, nint output, nint a, nint b)
    {
        if (error == 0) return;
        throw new NativeException(
            $"libtorch refused {name}({NativeTensor.Describe(a)}, {NativeTensor.Describe(b)}) into {NativeTensor.Describe(output)};"
            + " its reason is on stderr.");
    }
}
