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

    public static bool Same(Tensor a, Tensor b) => a.Handle == b.Handle;
}
