using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

public static partial class Kernels
{
    /// <summary>Layer normalization over the last dimension (Ba et al. 2016): y = (x − mean) · rstd · weight + bias.</summary>
    /// <param name="x">[N, C]</param>
    /// <param name="weight">fp32 [C]</param>
    /// <param name="bias">fp32 [C], or null.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="y">[N, C]</param>
    /// <param name="mean">fp32 [N]</param>
    /// <param name="rstd">fp32 [N]: 1 / √(variance + epsilon)</param>
    public static void LayerNorm(Tensor x, Tensor weight, Tensor? bias, double epsilon, Tensor y, Tensor mean, Tensor rstd)
    {
        if (Cpu.Takes(x)) CpuNorms.Forward(x, weight, bias, epsilon, y, mean, rstd);
        else AtenNorms.LayerNorm(x, weight, bias, epsilon, y, mean, rstd);
    }

    /// <summary>The gradient of <see cref="LayerNorm"/>.</summary>
    /// <param name="dy">[N, C]</param>
    /// <param name="x">[N, C]</param>
    /// <param name="mean">fp32 [N]</param>
    /// <param name="rstd">fp32 [N]</param>
    /// <param name="weight">fp32 [C]</param>
    /// <param name="accumulate">Add to the gradients of the parameters.</param>
    /// <param name="dx">[N, C]; may be dy, x or the addend.</param>
    /// <param name="dWeight">fp32 [C]</param>
    /// <param name="dBias">fp32 [C], or null.</param>
    /// <param name="addend">[N, C], added to dx: the gradient that goes round the norm; or null.</param>
    public static void LayerNormGrad(
        Tensor dy, Tensor x, Tensor mean, Tensor rstd, Tensor weight, bool accumulate, Tensor dx, Tensor dWeight, Tensor? dBias,
        Tensor? addend = null)
    {
        if (Cpu.Takes(x)) CpuNorms.Backward(dy, x, mean, rstd, weight, accumulate, dx, dWeight, dBias, addend);
        else AtenNorms.LayerNormGrad(dy, x, mean, rstd, weight, accumulate, dx, dWeight, dBias, addend);
    }

    /// <summary>Root-mean-square normalization (Zhang and Sennrich 2019): y = x · rstd · weight.</summary>
    /// <param name="x">[N, C]</param>
    /// <param name="weight">fp32 [C]</param>
    /// <param name="epsilon">Added to the mean square.</param>
    /// <param name="y">[N, C]</param>
    /// <param name="rstd">fp32 [N]: 1 / √(mean x² + epsilon)</param>
    public static void RmsNorm(Tensor x, Tensor weight, double epsilon, Tensor y, Tensor rstd)
    {
        if (Cpu.Takes(x)) CpuNorms.Forward(x, weight, null, epsilon, y, null, rstd);
        else AtenNorms.RmsNorm(x, weight, epsilon, y, rstd);
    }

    /// <summary>The gradient of <see cref="RmsNorm"/>.</summary>
    /// <param name="dy">[N, C]</param>
    /// <param name="x">[N, C]</param>
    /// <param name="rstd">fp32 [N]</param>
    /// <param name="weight">fp32 [C]</param>
    /// <param name="accumulate">Add to <paramref name="dWeight"/>.</param>
    /// <param name="dx">[N, C]; may be dy, x or the addend.</param>
    /// <param name="dWeight">fp32 [C]</param>
    /// <param name="addend">[N, C], added to dx: the gradient that goes round the norm; or null.</param>
    public static void RmsNormGrad(
        Tensor dy, Tensor x, Tensor rstd, Tensor weight, bool accumulate, Tensor dx, Tensor dWeight, Tensor? addend = null)
    {
        if (Cpu.Takes(x)) CpuNorms.Backward(dy, x, null, rstd, weight, accumulate, dx, dWeight, null, addend);
        else AtenNorms.RmsNormGrad(dy, x, rstd, weight, accumulate, dx, dWeight, addend);
    }

    /// <summary>RMS normalization of each query and key head over D (Henry et al. 2020); values are kept.</summary>
    /// <param name="x">[N, (H + 2·Hkv)·D]: queries, keys, values.</param>
    /// <param name="qWeight">fp32 [D]</param>
    /// <param name="kWeight">fp32 [D]</param>
    /// <param name="heads">H</param>
    /// <param name="kvHeads">Hkv</param>
    /// <param name="epsilon">Added to the mean square.</param>
    /// <param name="y">As x; may be x, which then cannot be differentiated.</param>
    /// <param name="rstd">fp32 [N, H + Hkv]</param>
    public static void QkNorm(
        Tensor x, Tensor qWeight, Tensor kWeight, int heads, int kvHeads, double epsilon, Tensor y, Tensor rstd)
    {
        if (Cpu.Takes(x)) CpuQkNorm.Forward(x, qWeight, kWeight, heads, kvHeads, epsilon, y, rstd);
        else AtenNorms.QkNorm(x, qWeight, kWeight, heads, kvHeads, epsilon, y, rstd);
    }

    /// <summary>The gradient of <see cref="QkNorm"/>.</summary>
    /// <param name="dy">[N, (H + 2·Hkv)·D]</param>
    /// <param name="x">As dy.</param>
    /// <param name="rstd">fp32 [N, H + Hkv]</param>
    /// <param name="qWeight">fp32 [D]</param>
    /// <param name="kWeight">fp32 [D]</param>
    /// <param name="heads">H</param>
    /// <param name="kvHeads">Hkv</param>
    /// <param name="accumulate">Add to the gradients of the parameters.</param>
    /// <param name="dx">As dy; may be dy.</param>
    /// <param name="dqWeight">fp32 [D]</param>
    /// <param name="dkWeight">fp32 [D]</param>
    public static void QkNormGrad(
        Tensor dy, Tensor x, Tensor rstd, Tensor qWeight, Tensor kWeight, int heads, int kvHeads, bool accumulate,
        Tensor dx, Tensor dqWeight, Tensor dkWeight)
    {
        if (Cpu.Takes(x)) CpuQkNorm.Backward(dy, x, rstd, qWeight, kWeight, heads, kvHeads, accumulate, dx, dqWeight, dkWeight);
        else AtenNorms.QkNormGrad(dy, x, rstd, qWeight, kWeight, heads, kvHeads, accumulate, dx, dqWeight, dkWeight);
    }
}
