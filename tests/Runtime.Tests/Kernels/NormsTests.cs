using ModelCompiler.Runtime.Implementations;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

public sealed class NormsTests : KernelTest
{
    private const long N = 21, C = 45;

    [Theory]
    [MemberData(nameof(Cases))]
    public void LayerNormAndItsGradient(ScalarType type, bool aten)
    {
        var (x, dy) = (Oracle.Normal(1, type, N, C), Oracle.Normal(2, type, N, C));
        var (weight, bias) = (Oracle.Normal(3, ScalarType.Float32, C), Oracle.Normal(4, ScalarType.Float32, C));
        var (value, gradients) = Oracle.Differentiate(i => nn.functional.layer_norm(i[0], [C], i[1], i[2], 1e-3), dy, x, weight, bias);
        var (y, dx) = (Oracle.Unwritten(type, N, C), Oracle.Unwritten(type, N, C));
        var (mean, rstd) = (Oracle.Unwritten(ScalarType.Float32, N), Oracle.Unwritten(ScalarType.Float32, N));
        var (dWeight, dBias) = (Oracle.Unwritten(ScalarType.Float32, C), Oracle.Unwritten(ScalarType.Float32, C));
        if (aten) AtenNorms.LayerNorm(x, weight, bias, 1e-3, y, mean, rstd);
        else Kernels.LayerNorm(x, weight, bias, 1e-3, y, mean, rstd);
        Oracle.Close(value, y);
        Oracle.Close(x.to(ScalarType.Float64).mean([1]), mean, "mean", 1e-5);
        foreach (var accumulate in new[] { false, true })
        {
            if (aten) AtenNorms.LayerNormGrad(dy, x, mean, rstd, weight, accumulate, dx, dWeight, dBias);
            else Kernels.LayerNormGrad(dy, x, mean, rstd, weight, accumulate, dx, dWeight, dBias);
            Oracle.Close(gradients[0], dx, "dx");
            Oracle.Close(gradients[1] * (accumulate ? 2 : 1), dWeight, "dWeight");
            Oracle.Close(gradients[2] * (accumulate ? 2 : 1), dBias, "dBias");
        }

        var inPlace = dy.clone();
        var bypass = Oracle.Normal(9, type, x.shape);
        var sum = gradients[0] + bypass.to(ScalarType.Float64);
        if (aten) AtenNorms.LayerNormGrad(dy, x, mean, rstd, weight, false, bypass, dWeight, null, bypass);
        else Kernels.LayerNormGrad(dy, x, mean, rstd, weight, false, bypass, dWeight, null, bypass);
        Oracle.Close(sum, bypass, "dx + addend");
        if (aten) AtenNorms.LayerNormGrad(inPlace, x, mean, rstd, weight, false, inPlace, dWeight, null);
        else Kernels.LayerNormGrad(inPlace, x, mean, rstd, weight, false, inPlace, dWeight, null);
        Oracle.Close(gradients[0], inPlace, "dx in place");
        var over = x.clone();
        if (aten) AtenNorms.LayerNormGrad(dy, over, mean, rstd, weight, false, over, dWeight, null);
        else Kernels.LayerNormGrad(dy, over, mean, rstd, weight, false, over, dWeight, null);
        Oracle.Close(gradients[0], over, "dx in the place of x");
        Oracle.Close(gradients[1], dWeight, "dWeight with dx in the place of x");
        if (aten) AtenNorms.LayerNorm(x, weight, null, 1e-3, y, mean, rstd);
        else Kernels.LayerNorm(x, weight, null, 1e-3, y, mean, rstd);
        Oracle.Close(value - bias.to(ScalarType.Float64), y, "without bias");
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void RmsNormAndItsGradient(ScalarType type, bool aten)
    {
        var (x, dy, weight) = (Oracle.Normal(1, type, N, C), Oracle.Normal(2, type, N, C), Oracle.Normal(3, ScalarType.Float32, C));
        var (value, gradients) = Oracle.Differentiate(i => Rms(i[0], i[1]), dy, x, weight);
        var (y, dx) = (Oracle.Unwritten(type, N, C), Oracle.Unwritten(type, N, C));
        var (rstd, dWeight) = (Oracle.Unwritten(ScalarType.Float32, N), Oracle.Unwritten(ScalarType.Float32, C));
        if (aten) AtenNorms.RmsNorm(x, weight, 1e-3, y, rstd);
        else Kernels.RmsNorm(x, weight, 1e-3, y, rstd);
        Oracle.Close(value, y);
        foreach (var accumulate in new[] { false, true })
        {
            if (aten) AtenNorms.RmsNormGrad(dy, x, rstd, weight, accumulate, dx, dWeight);
            else Kernels.RmsNormGrad(dy, x, rstd, weight, accumulate, dx, dWeight);
            Oracle.Close(gradients[0], dx, "dx");
            Oracle.Close(gradients[1] * (accumulate ? 2 : 1), dWeight, "dWeight");
        }

        var bypass = Oracle.Normal(9, type, x.shape);
        var sum = gradients[0] + bypass.to(ScalarType.Float64);
        if (aten) AtenNorms.RmsNormGrad(dy, x, rstd, weight, false, bypass, dWeight, bypass);
        else Kernels.RmsNormGrad(dy, x, rstd, weight, false, bypass, dWeight, bypass);
        Oracle.Close(sum, bypass, "dx + addend");
        var over = x.clone();
        if (aten) AtenNorms.RmsNormGrad(dy, over, rstd, weight, false, over, dWeight);
        else Kernels.RmsNormGrad(dy, over, rstd, weight, false, over, dWeight);
        Oracle.Close(gradients[0], over, "dx in the place of x");
        Oracle.Close(gradients[1], dWeight, "dWeight with dx in the place of x");
        if (aten) AtenNorms.RmsNormGrad(dy, x, rstd, weight, false, dy, dWeight);
        else Kernels.RmsNormGrad(dy, x, rstd, weight, false, dy, dWeight);
        Oracle.Close(gradients[0], dy, "dx in place");
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void QkNormAndItsGradient(ScalarType type, bool aten)
    {
        const int Heads = 4, KvHeads = 2, D = 18;
        const long Width = (Heads + (2 * KvHeads)) * D;
        var (x, dy) = (Oracle.Normal(1, type, N, Width), Oracle.Normal(2, type, N, Width));
        var (qWeight, kWeight) = (Oracle.Normal(3, ScalarType.Float32, D), Oracle.Normal(4, ScalarType.Float32, D));
        var (value, gradients) = Oracle.Differentiate(
            i =>
            {
                var all = i[0].view(N, -1, D);
                return cat(
                    [Rms(all.narrow(1, 0, Heads), i[1]), Rms(all.narrow(1, Heads, KvHeads), i[2]), all.narrow(1, Heads + KvHeads, KvHeads)],
                    1).view(N, Width);
            },
            dy, x, qWeight, kWeight);
        var (y, dx, rstd) = (Oracle.Unwritten(type, N, Width), Oracle.Unwritten(type, N, Width), Oracle.Unwritten(ScalarType.Float32, N, Heads + KvHeads));
        var (dq, dk) = (Oracle.Unwritten(ScalarType.Float32, D), Oracle.Unwritten(ScalarType.Float32, D));
        if (aten) AtenNorms.QkNorm(x, qWeight, kWeight, Heads, KvHeads, 1e-3, y, rstd);
        else Kernels.QkNorm(x, qWeight, kWeight, Heads, KvHeads, 1e-3, y, rstd);
        Oracle.Close(value, y);
        foreach (var accumulate in new[] { false, true })
        {
            if (aten) AtenNorms.QkNormGrad(dy, x, rstd, qWeight, kWeight, Heads, KvHeads, accumulate, dx, dq, dk);
            else Kernels.QkNormGrad(dy, x, rstd, qWeight, kWeight, Heads, KvHeads, accumulate, dx, dq, dk);
            Oracle.Close(gradients[0], dx, "dx");
            Oracle.Close(gradients[1] * (accumulate ? 2 : 1), dq, "dqWeight");
            Oracle.Close(gradients[2] * (accumulate ? 2 : 1), dk, "dkWeight");
        }

        if (aten) AtenNorms.QkNormGrad(dy, x, rstd, qWeight, kWeight, Heads, KvHeads, false, dy, dq, dk);
        else Kernels.QkNormGrad(dy, x, rstd, qWeight, kWeight, Heads, KvHeads, false, dy, dq, dk);
        Oracle.Close(gradients[0], dy, "dx in place");
        if (aten) AtenNorms.QkNorm(x, qWeight, kWeight, Heads, KvHeads, 1e-3, x, rstd);
        else Kernels.QkNorm(x, qWeight, kWeight, Heads, KvHeads, 1e-3, x, rstd);
        Oracle.Close(value, x, "y in place");
    }

    private static Tensor Rms(Tensor x, Tensor weight) => x * ((x * x).mean([-1], keepdim: true) + 1e-3).rsqrt() * weight;
}
