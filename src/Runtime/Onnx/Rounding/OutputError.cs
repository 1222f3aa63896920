using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Onnx.Rounding;

/// <summary>What rounding a weight changes in the output of its layer, by the moments of its input: the sum of squares over calibration text.</summary>
internal static class OutputError
{
    /// <summary>Of a weight that is rounded after its columns were multiplied by scales, which its input is divided by.</summary>
    /// <param name="weight">fp32 [M, K]</param>
    /// <param name="scale">fp32 [K]</param>
    /// <param name="grid">The integers.</param>
    /// <param name="moments">fp32 [K, K]: the sum of x · xᵀ, before the division.</param>
    public static double Of(Tensor weight, Tensor scale, RoundingGrid grid, Tensor moments)
    {
        using var scope = NewDisposeScope();
        var scaled = (weight * scale).contiguous();
        var rounded = empty_like(scaled);
        Kernels.FakeQuantize(scaled, grid.Bits, grid.Group, grid.Symmetric, rounded);
        return Energy((rounded / scale) - weight, moments);
    }

    /// <summary>The sum of squares of weight · x over all x.</summary>
    public static double Energy(Tensor weight, Tensor moments)
    {
        using var scope = NewDisposeScope();
        return (weight.mm(moments) * weight).sum().item<float>();
    }
}
