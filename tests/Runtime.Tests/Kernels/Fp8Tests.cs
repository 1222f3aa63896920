using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

/// <summary>fp8 products by libtorch's operator on the CPU, which has them without tensor cores: their arguments are the same on CUDA.</summary>
public sealed class Fp8Tests : KernelTest
{
    /// <summary>Of e4m3's 4 bits of precision and e5m2's 3, averaged over the sum.</summary>
    private const double Forward = 0.04, Backward = 0.08;

    [Theory]
    [InlineData(1)]
    [InlineData(1e-6)]
    [InlineData(1e4)]
    public void LinearAndItsGradients(double magnitude)
    {
        const long N = 64, K = 48, M = 32;
        var (x, weight) = (Oracle.Normal(1, ScalarType.BFloat16, N, K).mul_(magnitude), Oracle.Normal(2, ScalarType.BFloat16, M, K));
        var dy = Oracle.Normal(3, ScalarType.BFloat16, N, M).mul_(magnitude);
        var (value, gradients) = Oracle.Differentiate(i => i[0].matmul(i[1].t()), dy, x, weight);
        var (y, dx) = (Oracle.Unwritten(ScalarType.BFloat16, N, M), Oracle.Unwritten(ScalarType.BFloat16, N, K));
        var dWeight = Oracle.Unwritten(ScalarType.Float32, M, K);

        Kernels.LinearFp8(x, weight, y);
        Close(value, y, Forward);
        Kernels.LinearFp8GradInput(dy, weight, dx);
        Close(gradients[0], dx, Backward);
        foreach (var accumulate in new[] { false, true })
        {
            Kernels.LinearFp8GradWeight(dy, x, accumulate, dWeight);
            Close(gradients[1] * (accumulate ? 2 : 1), dWeight, Backward);
        }
    }

    [Fact]
    public void TheLargestNumberIsInRangeAndZerosAreZeros()
    {
        var (x, y) = (zeros([16, 16], ScalarType.BFloat16), Oracle.Unwritten(ScalarType.BFloat16, 16, 16));
        var unit = eye(16, 16, ScalarType.BFloat16);
        Kernels.LinearFp8(x, unit, y);
        Oracle.Same(x, y);
        x[3, 5] = 12345;
        Kernels.LinearFp8(x, unit, y);
        Oracle.Close(x, y);
    }

    [Fact]
    public void ACpuIsRefusedForTraining() =>
        Assert.Contains("compute capability 8.9", Assert.Throws<NotSupportedException>(() => Kernels.RequireFp8(CPU)).Message, StringComparison.Ordinal);

    /// <summary>Relative error in the Frobenius norm: single numbers that nearly cancel say nothing.</summary>
    private static void Close(Tensor expected, Tensor actual, double tolerance)
    {
        var error = ((actual.to(ScalarType.Float64) - expected).norm() / expected.norm()).item<double>();
        Assert.InRange(error, 0, tolerance);
    }
}
