using ModelCompiler.Runtime.Implementations;
using TorchSharp;
using static TorchSharp.torch;
using Own = ModelCompiler.Runtime.Kernels;

namespace ModelCompiler.Benchmarks.CpuKernels;

/// <summary>Two ways to calculate the same on the same tensors: by libtorch and by us, or apart and joined.</summary>
internal sealed record KernelCase(string Name, Func<(Action First, Action Second)> Prepare);

/// <summary>The kernels at the shapes of model P: B 8, T 256, C 384, 6 heads of 64, 1536 hidden, 256 tokens.</summary>
internal static class KernelCases
{
    private const int B = 8, T = 256, C = 384, H = 6, D = C / H, Hidden = 1536, V = 256;
    private const long N = B * T;

    public static IEnumerable<KernelCase> All(ScalarType type) => [.. Norms(type), .. Pointwise(type), .. Others(type)];

    private static IEnumerable<KernelCase> Pointwise(ScalarType type)
    {
        yield return Unary("Gelu", type, AtenElementwise.Gelu, Own.Gelu);
        yield return Binary("GeluGrad", type, Hidden, AtenElementwise.GeluGrad, Own.GeluGrad);
        yield return Unary("Silu", type, AtenElementwise.Silu, Own.Silu);
        yield return Binary("SiluGrad", type, Hidden, AtenElementwise.SiluGrad, Own.SiluGrad);
        yield return Unary("ReluSquared", type, AtenElementwise.ReluSquared, Own.ReluSquared);
        yield return Binary("ReluSquaredGrad", type, Hidden, AtenElementwise.ReluSquaredGrad, Own.ReluSquaredGrad);
        yield return new("Swiglu", () =>
        {
            var (x, y) = (Values(type, N, 2 * Hidden), Values(type, N, Hidden));
            return (() => AtenElementwise.Swiglu(x, y), () => Own.Swiglu(x, y));
        });
        yield return new("SwigluGrad", () =>
        {
            var (dy, x, dx) = (Values(type, N, Hidden), Values(type, N, 2 * Hidden), Values(type, N, 2 * Hidden));
            return (() => AtenElementwise.SwigluGrad(dy, x, dx), () => Own.SwigluGrad(dy, x, dx));
        });
        yield return Binary("Add", type, C, AtenElementwise.Add, Own.Add);
        yield return Binary("Multiply", type, Hidden, AtenElementwise.Multiply, Own.Multiply);
    }

    private static IEnumerable<KernelCase> Norms(ScalarType type)
    {
        yield return new("LayerNorm", () =>
        {
            var (x, y, mean, rstd) = (Values(type, N, C), Values(type, N, C), empty([N]), empty([N]));
            var (weight, bias) = (randn(C), randn(C));
            return (
                () => AtenNorms.LayerNorm(x, weight, bias, 1e-5, y, mean, rstd),
                () => Own.LayerNorm(x, weight, bias, 1e-5, y, mean, rstd));
        });
        yield return new("LayerNormGrad", () =>
        {
            var (dy, x, dx, mean, rstd) = (Values(type, N, C), Values(type, N, C), Values(type, N, C), zeros(N), ones(N));
            var (weight, dWeight, dBias) = (randn(C), randn(C), randn(C));
            return (
                () => AtenNorms.LayerNormGrad(dy, x, mean, rstd, weight, false, dx, dWeight, dBias),
                () => Own.LayerNormGrad(dy, x, mean, rstd, weight, false, dx, dWeight, dBias));
        });
        yield return new("RmsNorm", () =>
        {
            var (x, y, rstd, weight) = (Values(type, N, C), Values(type, N, C), empty([N]), randn(C));
            return (() => AtenNorms.RmsNorm(x, weight, 1e-5, y, rstd), () => Own.RmsNorm(x, weight, 1e-5, y, rstd));
        });
        yield return new("RmsNormGrad", () =>
        {
            var (dy, x, dx, rstd) = (Values(type, N, C), Values(type, N, C), Values(type, N, C), ones(N));
            var (weight, dWeight) = (randn(C), randn(C));
            return (
                () => AtenNorms.RmsNormGrad(dy, x, rstd, weight, false, dx, dWeight),
                () => Own.RmsNormGrad(dy, x, rstd, weight, false, dx, dWeight));
        });
        yield return new("QkNorm", () =>
        {
            var (x, y, rstd) = (Values(type, N, 3 * C), Values(type, N, 3 * C), empty([N, 2 * H]));
            var (q, k) = (randn(D), randn(D));
            return (() => AtenNorms.QkNorm(x, q, k, H, H, 1e-5, y, rstd), () => Own.QkNorm(x, q, k, H, H, 1e-5, y, rstd));
        });
        yield return new("QkNormGrad", () =>
        {
            var (dy, x, dx, rstd) = (Values(type, N, 3 * C), Values(type, N, 3 * C), Values(type, N, 3 * C), ones(N, 2 * H));
            var (q, k, dq, dk) = (randn(D), randn(D), randn(D), randn(D));
            return (
                () => AtenNorms.QkNormGrad(dy, x, rstd, q, k, H, H, false, dx, dq, dk),
                () => Own.QkNormGrad(dy, x, rstd, q, k, H, H, false, dx, dq, dk));
        });
    }

    private static IEnumerable<KernelCase> Others(ScalarType type)
    {
        yield return new("LinearGradBias", () =>
        {
            var (dy, dBias) = (Values(type, N, Hidden), randn(Hidden));
            return (() => AtenLinears.LinearGradBias(dy, false, dBias), () => Own.LinearGradBias(dy, false, dBias));
        });
        yield return new("AddBias", () =>
        {
            var (x, bias, y) = (Values(type, N, Hidden), Values(type, Hidden), Values(type, N, Hidden));
            return (() => AtenElementwise.Add(x, bias, y), () => Own.AddBias(x, bias, y));
        });
        yield return new("EmbeddingGrad", () =>
        {
            var (dy, tokens, dWeight) = (Values(type, N, C), Tokens(), randn(V, C));
            return (
                () => AtenEmbeddings.EmbeddingGrad(dy, tokens, false, dWeight),
                () => Own.EmbeddingGrad(dy, tokens, false, dWeight));
        });
        yield return new("AddPosition", () =>
        {
            var (x, weight, y) = (Values(type, N, C), Values(type, T, C), Values(type, N, C));
            return (() => AtenEmbeddings.AddPosition(x, weight, T, y), () => Own.AddPosition(x, weight, T, y));
        });
        yield return new("AddPositionGrad", () =>
        {
            var (dy, dWeight) = (Values(type, N, C), randn(T, C));
            return (() => AtenEmbeddings.AddPositionGrad(dy, T, false, dWeight), () => Own.AddPositionGrad(dy, T, false, dWeight));
        });
        yield return new("Rope", () =>
        {
            var (x, y) = (Values(type, N, 3 * C), Values(type, N, 3 * C));
            return (
                () => AtenRope.Rotate(x, B, T, H, H, 10000, 0, inverse: false, y, default),
                () => Own.Rope(x, B, T, H, H, 10000, y));
        });
        yield return new("Dropout", () =>
        {
            var (x, y, mask) = (Values(type, N, C), Values(type, N, C), empty([N, C], ScalarType.Byte));
            return (() => AtenElementwise.Dropout(x, 0.1, 7, y, mask), () => Own.Dropout(x, 0.1, 7, y, mask));
        });
        yield return new("CrossEntropy", () =>
        {
            var (logits, targets, loss, losses, lse) = (Values(type, N, V), Tokens(), empty([]), empty([B]), empty([N]));
            return (() => AtenLosses.CrossEntropy(logits, targets, null, loss, losses, lse), () => Own.CrossEntropy(logits, targets, null, loss, losses, lse));
        });
        yield return new("CrossEntropyGrad", () =>
        {
            var (logits, targets, loss, losses, lse) = (Values(type, N, V), Tokens(), empty([]), empty([B]), empty([N]));
            var dLogits = empty_like(logits);
            Own.CrossEntropy(logits, targets, null, loss, losses, lse);
            return (
                () => AtenLosses.CrossEntropyGrad(logits, targets, lse, null, dLogits, 1),
                () => Own.CrossEntropyGrad(logits, targets, lse, null, dLogits, 1));
        });
    }

    private static KernelCase Unary(string name, ScalarType type, Action<Tensor, Tensor> libtorch, Action<Tensor, Tensor> ours) =>
        new(name, () =>
        {
            var (x, y) = (Values(type, N, Hidden), Values(type, N, Hidden));
            return (() => libtorch(x, y), () => ours(x, y));
        });

    private static KernelCase Binary(
        string name, ScalarType type, long width, Action<Tensor, Tensor, Tensor> libtorch, Action<Tensor, Tensor, Tensor> ours) =>
        new(name, () =>
        {
            var (a, b, y) = (Values(type, N, width), Values(type, N, width), Values(type, N, width));
            return (() => libtorch(a, b, y), () => ours(a, b, y));
        });

    private static Tensor Values(ScalarType type, params long[] shape) => randn(shape).to(type);

    private static Tensor Tokens() => randint(V, [N], ScalarType.Int64);
}
