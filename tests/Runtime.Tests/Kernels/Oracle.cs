using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

/// <summary>What kernels are tested against: TorchSharp's own functions and autograd, in double precision.</summary>
internal static class Oracle
{
    /// <summary>Normal numbers, already rounded to the type.</summary>
    public static Tensor Normal(int seed, ScalarType type, params long[] shape)
    {
        using var generator = new Generator((ulong)seed);
        return randn(shape, ScalarType.Float32, generator: generator).to(type);
    }

    public static Tensor Integers(int seed, long below, params long[] shape)
    {
        using var generator = new Generator((ulong)seed);
        return randint(below, shape, ScalarType.Int64, generator: generator);
    }

    /// <summary>A tensor of NaN: what a kernel leaves unwritten shows.</summary>
    public static Tensor Unwritten(ScalarType type, params long[] shape) => full(shape, float.NaN, type);

    /// <summary>The function's value at the inputs and its gradients there, all in double.</summary>
    public static (Tensor Value, Tensor[] Gradients) Differentiate(Func<Tensor[], Tensor> function, Tensor? dy, params Tensor[] inputs)
    {
        var wide = inputs.Select(input => input.detach().to(ScalarType.Float64, copy: true).requires_grad_()).ToArray();
        var value = function(wide);
        var gradients = autograd.grad([value], wide, [dy is null ? ones_like(value) : dy.to(ScalarType.Float64).view(value.shape)]);
        return (value.detach(), [.. gradients]);
    }

    public static void Same(Tensor expected, Tensor actual) => Assert.True(expected.allclose(actual, rtol: 0, atol: 0));

    public static double Tolerance(ScalarType type) => type switch
    {
        ScalarType.BFloat16 => 2e-2,
        ScalarType.Float16 => 3e-3,
        _ => 2e-5,
    };

    /// <summary>Largest difference, relative to the largest magnitude expected: 2e-5 in fp32, 2e-2 in bf16, 3e-3 in fp16.</summary>
    public static void Close(Tensor expected, Tensor actual, string name = "y", double? tolerance = null)
    {
        Assert.Equal(expected.numel(), actual.numel());
        var wide = actual.to(ScalarType.Float64).view(-1);
        var reference = expected.detach().to(ScalarType.Float64).reshape(-1);
        var error = (wide - reference).abs().max().item<double>() / Math.Max(1e-3, reference.abs().max().item<double>());
        var limit = tolerance ?? Tolerance(actual.dtype);
        Assert.True(error <= limit, $"{name}: relative error {error:E2} exceeds {limit:E2}");
    }
}
