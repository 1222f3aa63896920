using ModelCompiler.Runtime.Implementations;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

public sealed class BiasesTests : KernelTest
{
    private const long N = 70, M = 37;

    private delegate void Forward(Tensor x, Tensor bias, Tensor y);

    private delegate void Backward(Tensor dy, Tensor x, Tensor bias, bool accumulate, Tensor dx, Tensor dBias);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Gelu(ScalarType type, bool aten) => Activation(
        type, x => nn.functional.gelu(x),
        aten ? (x, b, y) => AtenBiases.Unary(x, b, y, AtenElementwise.Gelu) : Kernels.Gelu,
        aten ? (dy, x, b, add, dx, db) => AtenBiases.Gradient(dy, x, b, add, dx, db, AtenElementwise.GeluGrad) : Kernels.GeluGrad);

    [Theory]
    [MemberData(nameof(Cases))]
    public void GeluTanh(ScalarType type, bool aten) => Activation(
        type, x => x * (1 + (0.7978845608028654 * (x + (0.044715 * x * x * x))).tanh()) / 2,
        aten ? (x, b, y) => AtenBiases.Unary(x, b, y, AtenElementwise.GeluTanh) : Kernels.GeluTanh,
        aten ? (dy, x, b, add, dx, db) => AtenBiases.Gradient(dy, x, b, add, dx, db, AtenElementwise.GeluTanhGrad) : Kernels.GeluTanhGrad);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Silu(ScalarType type, bool aten) => Activation(
        type, x => nn.functional.silu(x),
        aten ? (x, b, y) => AtenBiases.Unary(x, b, y, AtenElementwise.Silu) : Kernels.Silu,
        aten ? (dy, x, b, add, dx, db) => AtenBiases.Gradient(dy, x, b, add, dx, db, AtenElementwise.SiluGrad) : Kernels.SiluGrad);

    [Theory]
    [MemberData(nameof(Cases))]
    public void ReluSquared(ScalarType type, bool aten) => Activation(
        type, x => x.relu() * x.relu(),
        aten ? (x, b, y) => AtenBiases.Unary(x, b, y, AtenElementwise.ReluSquared) : Kernels.ReluSquared,
        aten ? (dy, x, b, add, dx, db) => AtenBiases.Gradient(dy, x, b, add, dx, db, AtenElementwise.ReluSquaredGrad) : Kernels.ReluSquaredGrad);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Relu(ScalarType type, bool aten) => Activation(
        type, x => x.relu(),
        aten ? (x, b, y) => AtenBiases.Unary(x, b, y, AtenElementwise.Relu) : Kernels.Relu,
        aten ? (dy, x, b, add, dx, db) => AtenBiases.Gradient(dy, x, b, add, dx, db, AtenElementwise.ReluGrad) : Kernels.ReluGrad);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Tanh(ScalarType type, bool aten) => Activation(
        type, x => x.tanh(),
        aten ? (x, b, y) => AtenBiases.Unary(x, b, y, AtenElementwise.Tanh) : Kernels.Tanh,
        aten ? (dy, x, b, add, dx, db) => AtenBiases.Gradient(dy, x, b, add, dx, db, AtenElementwise.TanhGrad) : Kernels.TanhGrad);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Add(ScalarType type, bool aten)
    {
        var (a, b, bias) = (Oracle.Normal(1, type, N, M), Oracle.Normal(2, type, N, M), Oracle.Normal(3, type, M));
        var expected = a.to(ScalarType.Float64) + b.to(ScalarType.Float64) + bias.to(ScalarType.Float64);
        foreach (var y in new[] { Oracle.Unwritten(type, N, M), a })
        {
            if (aten) AtenBiases.Add(a, b, bias, y);
            else Kernels.Add(a, b, bias, y);
            Oracle.Close(expected, y);
        }
    }

    /// <summary>The function made for bf16 is as exact as bf16 is, over all its range.</summary>
    [Fact]
    public void CoarseGeluIsExactToBf16()
    {
        var x = linspace(-14, 14, 28001, dtype: ScalarType.BFloat16);
        var (value, gradients) = Oracle.Differentiate(i => nn.functional.gelu(i[0]), ones_like(x), x);
        var (y, dx) = (empty_like(x), empty_like(x));
        Kernels.Gelu(x, y);
        Kernels.GeluGrad(ones_like(x), x, dx);
        Within(value, y);
        Within(gradients[0], dx);

        static void Within(Tensor expected, Tensor actual)
        {
            var wide = actual.to(ScalarType.Float64);
            // Half a unit of bf16's 8 bits, the function's 4e-4, and what cancels where the derivative goes through zero.
            var error = (wide - expected).abs() - (expected.abs() * (0.5 / 128 + 1e-3)) - 4e-4;
            Assert.True(error.max().item<double>() <= 0, $"off by {error.max().item<double>()}");
        }
    }

    private static void Activation(ScalarType type, Func<Tensor, Tensor> reference, Forward forward, Backward backward)
    {
        var (x, bias, dy) = (Oracle.Normal(1, type, N, M), Oracle.Normal(2, type, M), Oracle.Normal(3, type, N, M));
        var (value, gradients) = Oracle.Differentiate(i => reference(i[0] + i[1]), dy, x, bias);
        var (y, dx, dBias) = (Oracle.Unwritten(type, N, M), Oracle.Unwritten(type, N, M), Oracle.Unwritten(ScalarType.Float32, M));
        forward(x, bias, y);
        Oracle.Close(value, y);
        foreach (var accumulate in new[] { false, true })
        {
            backward(dy, x, bias, accumulate, dx, dBias);
            Oracle.Close(gradients[0], dx, "dx");
            Oracle.Close(gradients[1] * (accumulate ? 2 : 1), dBias, "dBias", Math.Max(Loose(type), 1e-4) * 4);
        }

        backward(dy, x, bias, false, dy, dBias);
        Oracle.Close(gradients[0], dy, "in place");
    }
}
