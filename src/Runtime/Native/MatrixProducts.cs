using TorchSharp;

namespace ModelCompiler.Runtime.Native;

/// <summary>Matrix products into given tensors, on the device of the output. Operands may be strided views.</summary>
internal static unsafe class MatrixProducts
{
    /// <summary>output [M, N] = a [M, K] · b [K, N]</summary>
    public static void Mm(nint output, nint a, nint b, bool cuda)
    {
        if (!cuda && Widen(a, b)) Widened(output, 0, a, b, 0, 1);
        else Check(cuda ? LibTorch.CudaMm(output, a, b) : LibTorch.CpuMm(output, a, b), "mm", output, a, b);
    }

    /// <summary>output [M, N] = beta · addend + a [M, K] · b [K, N]; the addend broadcasts and may be the output.</summary>
    public static void AddMm(nint output, nint addend, nint a, nint b, double beta, bool cuda)
    {
        if (!cuda && Widen(a, b)) Widened(output, addend, a, b, beta, 1);
        else
            Check(
                cuda ? LibTorch.CudaAddMm(output, addend, a, b, beta, 1) : LibTorch.CpuAddMm(output, addend, a, b, beta, 1),
                "addmm", output, a, b);
    }

    /// <summary>output [G, M, N] = a [G, M, K] · b [G, K, N]</summary>
    public static void Bmm(nint output, nint a, nint b, bool cuda)
    {
        if (!cuda && Widen(a, b)) Widened(output, 0, a, b, 0, 1);
        else Check(cuda ? LibTorch.CudaBmm(output, a, b) : LibTorch.CpuBmm(output, a, b), "bmm", output, a, b);
    }

    /// <summary>output [G, M, N] = beta · addend [G, M, N] + alpha · a [G, M, K] · b [G, K, N]; the output is none of the others.</summary>
    public static void AddBmm(nint output, nint addend, nint a, nint b, double beta, double alpha, bool cuda)
    {
        if (!cuda && Widen(a, b)) Widened(output, addend, a, b, beta, alpha);
        else
            Check(
                cuda ? LibTorch.CudaAddBmm(output, addend, a, b, beta, alpha) : LibTorch.CpuAddBmm(output, addend, a, b, beta, alpha),
                "baddbmm", output, a, b);
    }

    public static bool IsCuda(torch.Tensor tensor) => tensor.device_type == DeviceType.CUDA;

    /// <summary>A product of half precision by libtorch's own kernel.</summary>
    internal static void Native(nint output, nint a, nint b) => Check(LibTorch.CpuMm(output, a, b), "mm", output, a, b);

    /// <summary>A product of half precision in fp32, rounded: output = beta · addend + alpha · a · b; no addend if that is 0.</summary>
    internal static void Widened(nint output, nint addend, nint a, nint b, double beta, double alpha)
    {
        using var scope = torch.NewDisposeScope();
        var product = Managed(a).to(torch.ScalarType.Float32).matmul(Managed(b).to(torch.ScalarType.Float32));
        if (alpha != 1) product.mul_(alpha);
        if (addend != 0) product.add_(Managed(addend), beta);
        Managed(output).copy_(product);
    }

    private static bool Widen(nint a, nint b) => Type(a) is { } type && type == Type(b) && HalfProducts.Widen(type);

    private static torch.ScalarType? Type(nint tensor)
    {
        int type;
        return LibTorch.ElementType(tensor, &type) == 0 ? (torch.ScalarType)type : null;
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
