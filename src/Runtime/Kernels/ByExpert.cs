using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>One product per expert over its contiguous rows, by the kernels of linear layers.</summary>
internal static class ByExpert
{
    public delegate void Product(long first, long count, int expert);

    /// <param name="offsets">int64 [E + 1]; on a device, they are waited for.</param>
    /// <param name="result">What gets zeros behind the last row; or null.</param>
    /// <param name="product">The product of an expert that has rows.</param>
    public static void Run(Tensor offsets, Tensor? result, Product product)
    {
        using var scope = NewDisposeScope();
        var at = offsets.cpu().data<long>();
        var experts = (int)offsets.size(0) - 1;
        for (var expert = 0; expert < experts; expert++)
        {
            if (at[expert + 1] > at[expert]) product(at[expert], at[expert + 1] - at[expert], expert);
        }

        if (result is not null && at[experts] < result.size(0)) result.narrow(0, at[experts], result.size(0) - at[experts]).zero_();
    }

    /// <summary>The rows of a weight [E·M, K] that are an expert's.</summary>
    public static Tensor Part(Tensor weight, long rows, int expert) => weight.narrow(0, expert * rows, rows);
}
