using TorchSharp;
using static TorchSharp.torch;
using Kernels = ModelCompiler.Runtime.Kernels;

namespace ModelCompiler.Benchmarks.CpuKernels;

/// <summary>What the compiler fuses, beside the kernels that it calls otherwise; of model P's shapes, and a large vocabulary for the loss.</summary>
internal static class FusionCases
{
    private const int B = 8, T = 256, C = 384, Hidden = 1536, V = 32_768, ChunkRows = 512;
    private const long N = B * T;

    public static IEnumerable<KernelCase> All(ScalarType type)
    {
        yield return new("Linear, bias, Gelu", () =>
        {
            var (x, weight, bias, y, a) = (Values(type, N, C), Values(type, Hidden, C), Values(type, Hidden), Values(type, N, Hidden), Values(type, N, Hidden));
            return (
                () => { Kernels.Linear(x, weight, bias, y); Kernels.Gelu(y, a); },
                () => { Kernels.Linear(x, weight, null, y); Kernels.Gelu(y, bias, a); });
        });
        yield return new("GeluGrad, bias gradient", () =>
        {
            var (dy, x, bias, dx, dBias) = (Values(type, N, Hidden), Values(type, N, Hidden), Values(type, Hidden), Values(type, N, Hidden), empty(Hidden));
            return (
                () => { Kernels.GeluGrad(dy, x, dx); Kernels.LinearGradBias(dx, false, dBias); },
                () => Kernels.GeluGrad(dy, x, bias, false, dx, dBias));
        });
        yield return new("Linear, bias, residual sum", () =>
        {
            var (x, weight, bias, y, residual, sum) = (
                Values(type, N, Hidden), Values(type, C, Hidden), Values(type, C), Values(type, N, C), Values(type, N, C), Values(type, N, C));
            return (
                () => { Kernels.Linear(x, weight, bias, y); Kernels.Add(residual, y, sum); },
                () => { Kernels.Linear(x, weight, null, y); Kernels.Add(residual, y, bias, sum); });
        });
        yield return new("LayerNormGrad, residual's gradient", () =>
        {
            var (dy, x, residual, dx, sum) = (Values(type, N, C), Values(type, N, C), Values(type, N, C), Values(type, N, C), Values(type, N, C));
            var (mean, rstd, weight, dWeight, dBias) = (zeros(N), ones(N), ones(C), empty(C), empty(C));
            return (
                () => { Kernels.LayerNormGrad(dy, x, mean, rstd, weight, false, dx, dWeight, dBias); Kernels.Add(residual, dx, sum); },
                () => Kernels.LayerNormGrad(dy, x, mean, rstd, weight, false, dx, dWeight, dBias, residual));
        });
        yield return new("head and loss, forward and backward", () =>
        {
            var (x, weight, targets, dx, dWeight) = (Values(type, N, C), Values(type, V, C), randint(V, [N], ScalarType.Int64), Values(type, N, C), empty(V, C));
            var (loss, losses, lse) = (empty([]), empty(B), empty(N));
            var (logits, chunk) = (Values(type, N, V), Values(type, ChunkRows, V));
            return (
                () =>
                {
                    Kernels.Linear(x, weight, null, logits);
                    Kernels.CrossEntropy(logits, targets, null, loss, losses, lse);
                    Kernels.CrossEntropyGrad(logits, targets, lse, null, logits);
                    Kernels.LinearGradWeight(logits, x, false, dWeight);
                    Kernels.LinearGradInput(logits, weight, dx);
                },
                () => Kernels.LinearCrossEntropyGrad(x, weight, null, targets, null, false, chunk, dx, dWeight, null, loss, losses));
        });
    }

    private static Tensor Values(ScalarType type, params long[] shape) => randn(shape).to(type);
}
