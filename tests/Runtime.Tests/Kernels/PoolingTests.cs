using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

public sealed class PoolingTests : KernelTest
{
    private const long B = 3, T = 5, C = 7;

    [Theory]
    [InlineData(ScalarType.Float32, false, false)]
    [InlineData(ScalarType.Float32, true, false)]
    [InlineData(ScalarType.Float32, true, true)]
    [InlineData(ScalarType.BFloat16, true, true)]
    public void FirstTokenOrMeanWithoutPadding(ScalarType type, bool mean, bool padded)
    {
        var (x, dy, lengths) = (Oracle.Normal(1, type, B * T, C), Oracle.Normal(2, type, B, C), tensor(new long[] { 5, 1, 3 }));
        var seen = padded ? arange(T).lt(lengths.unsqueeze(1)).to(ScalarType.Float64).unsqueeze(-1) : ones(B, T, 1, ScalarType.Float64);
        var (value, gradients) = Oracle.Differentiate(
            i => mean ? (i[0].view(B, T, C) * seen).sum(1) / seen.sum(1) : i[0].view(B, T, C).select(1, 0), dy, x);
        var (y, dx) = (Oracle.Unwritten(type, B, C), Oracle.Unwritten(type, B * T, C));
        Kernels.Pool(x, padded ? lengths : null, mean, y);
        Kernels.PoolGrad(dy, padded ? lengths : null, mean, dx);
        Oracle.Close(value, y);
        Oracle.Close(gradients[0], dx, "dx");
    }
}
