using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>What the implementations on libtorch's kernels share.</summary>
internal static class Aten
{
    /// <summary>Overwrites a gradient, or adds to it.</summary>
    public static void Store(Tensor value, bool accumulate, Tensor gradient)
    {
        if (accumulate) gradient.add_(value);
        else gradient.copy_(value);
    }

    /// <summary>Whether two tensors start at the same address: two views of one buffer of the arena do.</summary>
    public static unsafe bool Same(Tensor a, Tensor b) => Address(a) == Address(b);

    private static unsafe void* Address(Tensor tensor)
    {
        void* address;
        if (LibTorch.DataPointer(tensor.Handle, &address) != 0)
            throw new NativeException($"libtorch refused the address of {NativeTensor.Describe(tensor.Handle)}; its reason is on stderr.");
        return address;
    }
}
