using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

/// <summary>The second moments of a linear layer's inputs, by which GPTQ and SparseGPT know what changing a weight costs.</summary>
internal static class SecondMoments
{
    /// <summary>x · xᵀ, summed over the rows.</summary>
    /// <param name="x">[N, K]</param>
    /// <returns>[K, K]</returns>
    public static Tensor Of(Tensor x) => x.t().mm(x);

    /// <summary>The upper Cholesky factor of the inverse: its row j holds what column j's error costs the columns after it.</summary>
    /// <param name="moments">[K, K]</param>
    /// <param name="damping">Added to the diagonal, as a share of its mean.</param>
    /// <returns>fp32 [K, K], calculated in double precision.</returns>
    public static Tensor InverseFactor(Tensor moments, double damping)
    {
        var second = moments.to(ScalarType.Float64);
        var damped = second + (eye(second.size(0), dtype: ScalarType.Float64, device: second.device) * Math.Max(second.diag().mean().item<double>() * damping, 1e-8));
        return linalg.cholesky(linalg.inv(damped)).t().contiguous().to(ScalarType.Float32);
    }
}
