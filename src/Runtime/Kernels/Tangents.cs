using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

/// <summary>Tangents of gradients, for products with the Hessian: in fp32, by libtorch's operators.</summary>
public static partial class Kernels
{
    /// <summary>What the tangent dx of x makes of the gradient of GELU: dy · dx · f″(x).</summary>
    /// <param name="dy">[N, M]</param>
    /// <param name="dx">[N, M]</param>
    /// <param name="x">[N, M]</param>
    /// <param name="y">[N, M]; may be dy or dx.</param>
    public static void GeluCurvature(Tensor dy, Tensor dx, Tensor x, Tensor y) => AtenTangents.Curvature(AtenTangents.Gelu, dy, dx, x, y);

    /// <summary>The same of GELU by tanh.</summary>
    public static void GeluTanhCurvature(Tensor dy, Tensor dx, Tensor x, Tensor y) => AtenTangents.Curvature(AtenTangents.GeluTanh, dy, dx, x, y);

    /// <summary>The same of SiLU.</summary>
    public static void SiluCurvature(Tensor dy, Tensor dx, Tensor x, Tensor y) => AtenTangents.Curvature(AtenTangents.Silu, dy, dx, x, y);

    /// <summary>The same of squared ReLU.</summary>
    public static void ReluSquaredCurvature(Tensor dy, Tensor dx, Tensor x, Tensor y) => AtenTangents.Curvature(AtenTangents.ReluSquared, dy, dx, x, y);

    /// <summary>The same of tanh.</summary>
    public static void TanhCurvature(Tensor dy, Tensor dx, Tensor x, Tensor y) => AtenTangents.Curvature(AtenTangents.Tanh, dy, dx, x, y);

    /// <summary>The tangent of <see cref="Swiglu"/>.</summary>
    /// <param name="dx">[N, 2M]</param>
    /// <param name="x">[N, 2M]</param>
    /// <param name="y">[N, M]</param>
    public static void SwigluTangent(Tensor dx, Tensor x, Tensor y) => AtenTangents.Swiglu(dx, x, y);

    /// <summary>The tangent of <see cref="SwigluGrad"/>.</summary>
    /// <param name="ddy">[N, M]: the tangent of dy.</param>
    /// <param name="dx">[N, 2M]: that of x.</param>
    /// <param name="dy">[N, M]</param>
    /// <param name="x">[N, 2M]</param>
    /// <param name="result">[N, 2M]</param>
    public static void SwigluGradTangent(Tensor ddy, Tensor dx, Tensor dy, Tensor x, Tensor result) => AtenTangents.SwigluGrad(ddy, dx, dy, x, result);

    /// <summary>The tangent of <see cref="LayerNorm"/> or, without mean, of <see cref="RmsNorm"/>.</summary>
    /// <param name="dx">[N, C]: the tangent of x.</param>
    /// <param name="dWeight">[C]</param>
    /// <param name="dBias">[C], or null.</param>
    /// <param name="x">[N, C]</param>
    /// <param name="mean">[N], or null for RMS norm.</param>
    /// <param name="rstd">[N]</param>
    /// <param name="weight">[C]</param>
    /// <param name="y">[N, C]</param>
    public static void NormTangent(Tensor dx, Tensor dWeight, Tensor? dBias, Tensor x, Tensor? mean, Tensor rstd, Tensor weight, Tensor y) =>
        AtenTangents.Norm(dx, dWeight, dBias, x, mean, rstd, weight, y);

    /// <summary>The tangent of <see cref="LayerNormGrad"/> or, without mean, of <see cref="RmsNormGrad"/>.</summary>
    /// <param name="ddy">[N, C]: the tangent of dy.</param>
    /// <param name="dx">[N, C]: that of x.</param>
    /// <param name="dWeight">[C]: that of the weight.</param>
    /// <param name="dy">[N, C]</param>
    /// <param name="x">[N, C]</param>
    /// <param name="mean">[N], or null for RMS norm.</param>
    /// <param name="rstd">[N]</param>
    /// <param name="weight">[C]</param>
    /// <param name="accumulate">Add to the tangents of the parameters' gradients.</param>
    /// <param name="result">[N, C]: the tangent of the gradient of x.</param>
    /// <param name="weightResult">[C]</param>
    /// <param name="biasResult">[C], or null.</param>
    public static void NormGradTangent(
        Tensor ddy, Tensor dx, Tensor dWeight, Tensor dy, Tensor x, Tensor? mean, Tensor rstd, Tensor weight, bool accumulate,
        Tensor result, Tensor weightResult, Tensor? biasResult) =>
        AtenTangents.NormGrad(ddy, dx, dWeight, dy, x, mean, rstd, weight, accumulate, result, weightResult, biasResult);

    /// <summary>The tangent of <see cref="Attention"/>.</summary>
    /// <param name="dqkv">[N, (H + 2·Hkv)·D]: the tangent of qkv.</param>
    /// <param name="qkv">As dqkv.</param>
    /// <param name="batch">B</param>
    /// <param name="sequence">T</param>
    /// <param name="heads">H</param>
    /// <param name="kvHeads">Hkv</param>
    /// <param name="y">[N, H·D]</param>
    /// <param name="causal">A query sees no later key.</param>
    /// <param name="window">A query sees itself and the window − 1 keys before it; 0 for all of them.</param>
    /// <param name="softcap">Scores s become c · tanh(s / c); 0 for scores as they are.</param>
    public static void AttentionTangent(
        Tensor dqkv, Tensor qkv, int batch, int sequence, int heads, int kvHeads, Tensor y, bool causal = true, int window = 0, double softcap = 0)
    {
        using var scope = NewDisposeScope();
        new AttentionTangents(dqkv, qkv, Shape(qkv, batch, sequence, heads, kvHeads, new(causal, window, softcap))).Forward(y);
    }

    /// <summary>The tangent of <see cref="AttentionGrad"/>.</summary>
    /// <param name="ddy">[N, H·D]: the tangent of dy.</param>
    /// <param name="dqkv">[N, (H + 2·Hkv)·D]: that of qkv.</param>
    /// <param name="dy">[N, H·D]</param>
    /// <param name="qkv">As dqkv.</param>
    /// <param name="batch">B</param>
    /// <param name="sequence">T</param>
    /// <param name="heads">H</param>
    /// <param name="kvHeads">Hkv</param>
    /// <param name="result">As dqkv: the tangent of the gradient of qkv.</param>
    /// <param name="causal">A query sees no later key.</param>
    /// <param name="window">A query sees itself and the window − 1 keys before it; 0 for all of them.</param>
    /// <param name="softcap">Scores s become c · tanh(s / c); 0 for scores as they are.</param>
    public static void AttentionGradTangent(
        Tensor ddy, Tensor dqkv, Tensor dy, Tensor qkv, int batch, int sequence, int heads, int kvHeads, Tensor result,
        bool causal = true, int window = 0, double softcap = 0)
    {
        using var scope = NewDisposeScope();
        new AttentionTangents(dqkv, qkv, Shape(qkv, batch, sequence, heads, kvHeads, new(causal, window, softcap))).Backward(ddy, dy, result);
    }

    /// <summary>The tangent of <see cref="CrossEntropyGrad"/>: P ∘ (dLogits − Σ P ∘ dLogits) · weight / rows that count, P = softmax.</summary>
    /// <param name="dLogits">[N, V]: the tangent of the logits.</param>
    /// <param name="logits">[N, V]</param>
    /// <param name="targets">int64, N elements</param>
    /// <param name="lse">fp32 [N]</param>
    /// <param name="weights">fp32 [B], or null for ones.</param>
    /// <param name="result">[N, V]</param>
    public static void CrossEntropyGradTangent(Tensor dLogits, Tensor logits, Tensor targets, Tensor lse, Tensor? weights, Tensor result) =>
        AtenLosses.CrossEntropyGradTangent(dLogits, logits, targets, lse, weights, result);

    /// <summary>The mean squared difference over the numbers that are wanted; NaN stands for one that is not.</summary>
    /// <param name="predicted">[N, M]</param>
    /// <param name="wanted">[N, M]</param>
    /// <param name="loss">fp32 []</param>
    /// <param name="losses">fp32 [B]: the mean of each sequence.</param>
    public static void SquaredError(Tensor predicted, Tensor wanted, Tensor loss, Tensor losses)
    {
        if (Cpu.Takes(predicted)) CpuSquaredError.Loss(predicted, wanted, loss, losses);
        else AtenLosses.SquaredError(predicted, wanted, loss, losses);
    }

    /// <summary>The gradient of <see cref="SquaredError"/>: 2 · (predicted − wanted) / numbers that count; zero for the others.</summary>
    /// <param name="predicted">[N, M]</param>
    /// <param name="wanted">[N, M]</param>
    /// <param name="result">[N, M]; may be predicted.</param>
    public static void SquaredErrorGrad(Tensor predicted, Tensor wanted, Tensor result)
    {
        if (Cpu.Takes(predicted)) CpuSquaredError.Gradient(predicted, wanted, less: true, result);
        else AtenLosses.SquaredErrorGrad(predicted, wanted, result);
    }

    /// <summary>The tangent of <see cref="SquaredErrorGrad"/>: 2 · dPredicted / numbers that count; zero for the others.</summary>
    /// <param name="dPredicted">[N, M]: the tangent of the prediction.</param>
    /// <param name="wanted">[N, M]</param>
    /// <param name="result">[N, M]; may be dPredicted.</param>
    public static void SquaredErrorGradTangent(Tensor dPredicted, Tensor wanted, Tensor result)
    {
        if (Cpu.Takes(dPredicted)) CpuSquaredError.Gradient(dPredicted, wanted, less: false, result);
        else AtenLosses.SquaredErrorGradTangent(dPredicted, wanted, result);
    }
}
