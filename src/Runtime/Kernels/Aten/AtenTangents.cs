using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Tangents of activations and norms by libtorch's operators, on any device, in fp32.</summary>
internal static class AtenTangents
{
    public static void Curvature(Func<Tensor, Tensor> secondDerivative, Tensor dy, Tensor dx, Tensor x, Tensor y)
    {
        using var scope = NewDisposeScope();
        y.copy_(secondDerivative(x).mul_(dy).mul_(dx));
    }

    /// <summary>φ(x) · (2 − x²)</summary>
    public static Tensor Gelu(Tensor x) => (x * x * -0.5).exp_().mul_(1 / Math.Sqrt(2 * Math.PI)).mul_(2 - (x * x));

    public static Tensor GeluTanh(Tensor x)
    {
        var scale = Math.Sqrt(2 / Math.PI);
        var squared = x * x;
        var tanh = (scale * x * (1 + (0.044715 * squared))).tanh_();
        var slope = scale * (1 + (3 * 0.044715 * squared));
        return (1 - (tanh * tanh)) * (slope + (x * 0.5 * ((6 * 0.044715 * scale * x) - (2 * tanh * slope * slope))));
    }

    /// <summary>σ · (1 − σ) · (2 + x · (1 − 2σ))</summary>
    public static Tensor Silu(Tensor x)
    {
        var sigmoid = x.sigmoid();
        return sigmoid * (1 - sigmoid) * (2 + (x * (1 - (2 * sigmoid))));
    }

    public static Tensor ReluSquared(Tensor x) => x.gt(0).to(x.dtype).mul_(2);

    public static Tensor Tanh(Tensor x)
    {
        var tanh = x.tanh();
        return tanh * -2 * (1 - (tanh * tanh));
    }

    public static void Swiglu(Tensor dx, Tensor x, Tensor y)
    {
        using var scope = NewDisposeScope();
        var (gate, up, dGate, dUp) = (Half(x, 0), Half(x, 1), Half(dx, 0), Half(dx, 1));
        var (value, slope) = SiluAndSlope(gate);
        y.copy_((slope * dGate * up).add_(value * dUp));
    }

    public static void SwigluGrad(Tensor ddy, Tensor dx, Tensor dy, Tensor x, Tensor result)
    {
        using var scope = NewDisposeScope();
        var (gate, up, dGate, dUp) = (Half(x, 0), Half(x, 1), Half(dx, 0), Half(dx, 1));
        var (value, slope) = SiluAndSlope(gate);
        var gates = (((ddy * up) + (dy * dUp)) * slope).add_(dy * up * dGate * Silu(gate));
        var ups = (ddy * value).add_(dy * slope * dGate);
        Half(result, 0).copy_(gates);
        Half(result, 1).copy_(ups);
    }

    public static void Norm(Tensor dx, Tensor dWeight, Tensor? dBias, Tensor x, Tensor? mean, Tensor rstd, Tensor weight, Tensor y)
    {
        using var scope = NewDisposeScope();
        var (normed, tangent, _) = Normalize(dx, x, mean, rstd);
        var result = (tangent * weight).add_(normed * dWeight);
        y.copy_(dBias is null ? result : result.add_(dBias));
    }

    public static void NormGrad(
        Tensor ddy, Tensor dx, Tensor dWeight, Tensor dy, Tensor x, Tensor? mean, Tensor rstd, Tensor weight, bool accumulate,
        Tensor result, Tensor weightResult, Tensor? biasResult)
    {
        using var scope = NewDisposeScope();
        var (normed, tangent, scaleTangent) = Normalize(dx, x, mean, rstd);
        // The gradient is rstd · (a − mean a − n · mean(a · n)) with a = dy · weight.
        var (a, da) = (dy * weight, (ddy * weight).add_(dy * dWeight));
        var (dot, ddot) = (Mean(a * normed), Mean((da * normed).add_(a * tangent)));
        var (inner, dInner) = (a - (normed * dot), da - (tangent * dot) - (normed * ddot));
        if (mean is not null) (inner, dInner) = (inner.sub_(Mean(a)), dInner.sub_(Mean(da)));
        var weights = ((ddy * normed) + (dy * tangent)).sum([0L]);
        var biases = biasResult is null ? null : ddy.sum([0L]);
        result.copy_((scaleTangent * inner).add_(rstd.unsqueeze(-1) * dInner));
        Aten.Store(weights, accumulate, weightResult);
        if (biases is not null) Aten.Store(biases, accumulate, biasResult!);
    }

    /// <summary>n = (x − mean) · rstd, its tangent, and that of rstd.</summary>
    private static (Tensor Normed, Tensor Tangent, Tensor ScaleTangent) Normalize(Tensor dx, Tensor x, Tensor? mean, Tensor rstd)
    {
        var scale = rstd.unsqueeze(-1);
        var normed = (mean is null ? x : x - mean.unsqueeze(-1)) * scale;
        var dot = Mean(normed * dx);
        var moved = mean is null ? dx - (normed * dot) : dx - Mean(dx) - (normed * dot);
        return (normed, moved * scale, scale * scale * dot * -1);
    }

    private static Tensor Mean(Tensor x) => x.mean([-1L], keepdim: true);

    private static Tensor Half(Tensor x, int part) => x.narrow(-1, part * (x.size(-1) / 2), x.size(-1) / 2);

    private static (Tensor Value, Tensor Slope) SiluAndSlope(Tensor x)
    {
        var sigmoid = x.sigmoid();
        return (x * sigmoid, sigmoid * (1 + (x * (1 - sigmoid))));
    }
}
