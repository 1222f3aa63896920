using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Normalizations by libtorch's kernels, on any device; in fp32 whatever the compute type.</summary>
internal static class AtenNorms
{
    public static void LayerNorm(Tensor x, Tensor weight, Tensor? bias, double epsilon, Tensor y, Tensor mean, Tensor rstd)
    {
        using var scope = NewDisposeScope();
        var call = new OperatorCall("aten::native_layer_norm"u8);
        call.Add(x.to(ScalarType.Float32));
        call.AddIntegers(x.size(-1));
        call.AddOptional(weight);
        call.AddOptional(bias);
        call.Add(epsilon);
        call.InvokeInto(3, y, mean.unsqueeze(-1), rstd.unsqueeze(-1));
    }

    public static void LayerNormGrad(
        Tensor dy, Tensor x, Tensor mean, Tensor rstd, Tensor weight, bool accumulate, Tensor dx, Tensor dWeight, Tensor? dBias,
        Tensor? addend = null)
    {
        using var scope = NewDisposeScope();
        var bypass = addend?.clone(); // dx may be the addend
        var call = new OperatorCall("aten::native_layer_norm_backward"u8);
        call.Add(dy.to(ScalarType.Float32));
        call.Add(x.to(ScalarType.Float32));
        call.AddIntegers(x.size(-1));
        call.Add(mean.unsqueeze(-1));
        call.Add(rstd.unsqueeze(-1));
        call.AddOptional(weight);
        call.AddOptional(weight); // of the bias it reads only whether there is one
        call.AddBooleans(true, true, true);
        var (weightGradient, biasGradient) = (empty_like(weight), empty_like(weight));
        call.InvokeInto(3, dx, weightGradient, biasGradient);
        if (bypass is not null) dx.add_(bypass);
        Aten.Store(weightGradient, accumulate, dWeight);
        if (dBias is not null) Aten.Store(biasGradient, accumulate, dBias);
    }

    public static void RmsNorm(Tensor x, Tensor weight, double epsilon, Tensor y, Tensor rstd)
    {
        using var scope = NewDisposeScope();
        y.copy_(Normalize(x, weight, epsilon, rstd));
    }

    public static void RmsNormGrad(
        Tensor dy, Tensor x, Tensor rstd, Tensor weight, bool accumulate, Tensor dx, Tensor dWeight, Tensor? addend = null)
    {
        using var scope = NewDisposeScope();
        var (gradient, weightGradient) = Differentiate(dy, x, rstd, weight);
        dx.copy_(addend is null ? gradient : gradient + addend);
        Aten.Store(weightGradient, accumulate, dWeight);
    }

    public static void QkNorm(
        Tensor x, Tensor qWeight, Tensor kWeight, int heads, int kvHeads, double epsilon, Tensor y, Tensor rstd)
    {
        using var scope = NewDisposeScope();
        var from = Heads(x, heads, kvHeads);
        var into = Heads(y, heads, kvHeads);
        if (!Aten.Same(x, y)) into.narrow(1, heads + kvHeads, kvHeads).copy_(from.narrow(1, heads + kvHeads, kvHeads));
        into.narrow(1, 0, heads).copy_(Normalize(from.narrow(1, 0, heads), qWeight, epsilon, rstd.narrow(1, 0, heads)));
        into.narrow(1, heads, kvHeads)
            .copy_(Normalize(from.narrow(1, heads, kvHeads), kWeight, epsilon, rstd.narrow(1, heads, kvHeads)));
    }

    public static void QkNormGrad(
        Tensor dy, Tensor x, Tensor rstd, Tensor qWeight, Tensor kWeight, int heads, int kvHeads, bool accumulate,
        Tensor dx, Tensor dqWeight, Tensor dkWeight)
    {
        using var scope = NewDisposeScope();
        var (gradient, input, into) = (Heads(dy, heads, kvHeads), Heads(x, heads, kvHeads), Heads(dx, heads, kvHeads));
        var (dq, dqw) = Differentiate(
            gradient.narrow(1, 0, heads), input.narrow(1, 0, heads), rstd.narrow(1, 0, heads), qWeight);
        var (dk, dkw) = Differentiate(
            gradient.narrow(1, heads, kvHeads), input.narrow(1, heads, kvHeads), rstd.narrow(1, heads, kvHeads), kWeight);
        if (!Aten.Same(dy, dx)) into.narrow(1, heads + kvHeads, kvHeads).copy_(gradient.narrow(1, heads + kvHeads, kvHeads));
        into.narrow(1, 0, heads).copy_(dq);
        into.narrow(1, heads, kvHeads).copy_(dk);
        Aten.Store(dqw, accumulate, dqWeight);
        Aten.Store(dkw, accumulate, dkWeight);
    }

    /// <summary>x · rstd · weight over the last dimension, in fp32.</summary>
    private static Tensor Normalize(Tensor x, Tensor weight, double epsilon, Tensor rstd)
    {
        var wide = x.to(ScalarType.Float32);
        rstd.copy_((wide * wide).mean([-1]).add_(epsilon).rsqrt_());
        return wide * rstd.unsqueeze(-1) * weight;
    }

    private static (Tensor Input, Tensor Weight) Differentiate(Tensor dy, Tensor x, Tensor rstd, Tensor weight)
    {
        var scale = rstd.unsqueeze(-1);
        var (wide, normalized) = (dy.to(ScalarType.Float32), x.to(ScalarType.Float32) * scale);
        var weighted = wide * weight;
        var input = (weighted - (normalized * (weighted * normalized).mean([-1], keepdim: true))) * scale;
        var rows = (wide * normalized).reshape(-1, weight.size(0));
        return (input, rows.sum([0L]));
    }

    private static Tensor Heads(Tensor qkv, int heads, int kvHeads) => qkv.view(qkv.size(0), heads + (2 * kvHeads), -1);
}
