using TorchSharp;

namespace ModelCompiler.Runtime.Native;

/// <summary>Matrix products into given tensors, on the device of the output. Operands may be strided views.</summary>
internal static unsafe class MatrixProducts
{
    /// <summary>output [M, N] = a [M, K] · b [K, N]</summary>
    public static void Mm(nint output, nint a, nint b, bool cuda)
    {
        if (!cuda && IsFp16(a) && IsFp16(b)) Widened(output, 0, a, b, 0);
        else Check(cuda ? LibTorch.CudaMm(output, a, b) : LibTorch.CpuMm(output, a, b), "mm", output, a, b);
    }

    /// <summary>output [M, N] = beta · addend + a [M, K] · b [K, N]; the addend broadcasts and may be the output.</summary>
    public static void AddMm(nint output, nint addend, nint a, nint b, double beta, bool cuda)
    {
        if (!cuda && IsFp16(a) && IsFp16(b)) Widened(output, addend, a, b, beta);
        else
            Check(
                cuda ? LibTorch.CudaAddMm(output, addend, a, b, beta, 1) : LibTorch.CpuAddMm(output, addend, a, b, beta, 1),
                "addmm", output, a, b);
    }

    /// <summary>output [G, M, N] = a [G, M, K] · b [G, K, N]</summary>
    public static void Bmm(nint output, nint a, nint b, bool cuda) =>
        Check(cuda ? LibTorch.CudaBmm(output, a, b) : LibTorch.CpuBmm(output, a, b), "bmm", output, a, b);

    /// <summary>output [G, M, N] = beta · addend [G, M, N] + alpha · a [G, M, K] · b [G, K, N]; the output is none of the others.</summary>
    public static void AddBmm(nint output, nint addend, nint a, nint b, double beta, double alpha, bool cuda) =>
        Check(
            cuda ? LibTorch.CudaAddBmm(output, addend, a, b, beta, alpha) : LibTorch.CpuAddBmm(output, addend, a, b, beta, alpha),
            "baddbmm", output, a, b);

    public static bool IsCuda(torch.Tensor tensor) => tensor.device_type == DeviceType.CUDA;

    private static bool IsFp16(nint tensor)
    {
        int type;
        return LibTorch.ElementType(tensor, &type) == 0 && type == (int)torch.ScalarType.Float16;
    }

    /// <summary>A product of fp16 on the CPU in fp32: libtorch's own is 10 to 30 times slower where the processor has none.</summary>
    private static void Widened(nint output, nint addend, nint a, nint b, double beta)
    {
        using var scope = torch.NewDisposeScope();
        var product = Managed(a).to(torch.ScalarType.Float32).mm(Managed(b).to(torch.ScalarType.Float32));
        if (addend != 0) product.add_(Managed(addend), beta);
        Managed(output).copy_(product);
    }

    private static torch.Tensor Managed(nint tensor)
    {
        nint handle;
        if (LibTorch.NewTensorHandle(tensor, &handle) != 0)
            throw new NativeException($"libtorch refused a handle of {NativeTensor.Describe(tensor)}; its reason is on stderr.");
        return torch.Tensor.UnsafeCreateTensor(handle);
    }

    private static void Check(int error, string name, nint output, nint a, nint b)
    {
        if (error == 0) return;
        throw new NativeException(
            $"libtorch refused {name}({NativeTensor.Describe(a)}, {NativeTensor.Describe(b)}) into {NativeTensor.Describe(output)};"
            + " its reason is on stderr.");
    }
}
