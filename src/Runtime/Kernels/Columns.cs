using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

/// <summary>Kernels over the columns of matrices.</summary>
public static partial class Kernels
{
    /// <summary>Adds a vector to each row.</summary>
    /// <param name="x">[N, M]</param>
    /// <param name="bias">[M], of the same type</param>
    /// <param name="y">[N, M]; may be x</param>
    public static void AddBias(Tensor x, Tensor bias, Tensor y)
    {
        if (Cpu.Takes(x)) CpuEmbeddings.AddPosition(x, bias, 1, y);
        else AtenElementwise.Add(x, bias, y);
    }

    /// <summary>Copies the columns from start on.</summary>
    /// <param name="x">[N, M]</param>
    /// <param name="start">The first column.</param>
    /// <param name="y">[N, W], start + W at most M</param>
    public static void Slice(Tensor x, int start, Tensor y)
    {
        using var columns = x.narrow(1, start, y.size(1));
        y.copy_(columns);
    }
}
