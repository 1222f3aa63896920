using ModelCompiler.Runtime.Implementations;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

public sealed class ElementwiseTests : KernelTest
{
    private static readonly long[] Shape = [7, 37];

    [Theory]
    [MemberData(nameof(Cases))]
    public void AddWritesAlsoInPlace(ScalarType type, bool aten)
    {
        var add = aten ? AtenElementwise.Add : (Action<Tensor, Tensor, Tensor>)Kernels.Add;
        var (a, b) = (Oracle.Normal(1, type, Shape), Oracle.Normal(2, type, Shape));
        var expected = a.to(ScalarType.Float64) + b.to(ScalarType.Float64);
        var y = Oracle.Unwritten(type, Shape);
        add(a, b, y);
        Oracle.Close(expected, y);
        var left = a.clone();
        add(left, b, left);
        Oracle.Close(expected, left, "into a");
        var right = b.clone();
        add(a, right, right);
        Oracle.Close(expected, right, "into b");
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void MultiplyAndItsGradient(ScalarType type, bool aten)
    {
        var (a, b, dy) = (Oracle.Normal(1, type, Shape), Oracle.Normal(2, type, Shape), Oracle.Normal(3, type, Shape));
        var (value, gradients) = Oracle.Differentiate(x => x[0] * x[1], dy, a, b);
        var (y, da, db) = (Oracle.Unwritten(type, Shape), Oracle.Unwritten(type, Shape), Oracle.Unwritten(type, Shape));
        if (aten) AtenElementwise.Multiply(a, b, y);
        else Kernels.Multiply(a, b, y);
        Oracle.Close(value, y);
        Kernels.MultiplyGrad(dy, a, b, da, db);
        Oracle.Close(gradients[0], da, "da");
        Oracle.Close(gradients[1], db, "db");
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Gelu(ScalarType type, bool aten) => Activation(
        type, x => nn.functional.gelu(x),
        aten ? AtenElementwise.Gelu : Kernels.Gelu, aten ? AtenElementwise.GeluGrad : Kernels.GeluGrad);

    [Theory]
    [MemberData(nameof(Cases))]
    public void GeluTanh(ScalarType type, bool aten) => Activation(
        type, x => x * (1 + (0.7978845608028654 * (x + (0.044715 * x * x * x))).tanh()) / 2,
        aten ? AtenElementwise.GeluTanh : Kernels.GeluTanh, aten ? AtenElementwise.GeluTanhGrad : Kernels.GeluTanhGrad);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Silu(ScalarType type, bool aten) => Activation(
        type, x => nn.functional.silu(x),
        aten ? AtenElementwise.Silu : Kernels.Silu, aten ? AtenElementwise.SiluGrad : Kernels.SiluGrad);

    [Theory]
    [MemberData(nameof(Cases))]
    public void ReluSquared(ScalarType type, bool aten) => Activation(
        type, x => x.relu() * x.relu(),
        aten ? AtenElementwise.ReluSquared : Kernels.ReluSquared, aten ? AtenElementwise.ReluSquaredGrad : Kernels.ReluSquaredGrad);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Relu(ScalarType type, bool aten) => Activation(
        type, x => x.relu(), aten ? AtenElementwise.Relu : Kernels.Relu, aten ? AtenElementwise.ReluGrad : Kernels.ReluGrad);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Tanh(ScalarType type, bool aten) => Activation(
        type, x => x.tanh(),
        aten ? AtenElementwise.Tanh : Kernels.Tanh, aten ? AtenElementwise.TanhGrad : Kernels.TanhGrad);

    [Theory]
    [MemberData(nameof(Cases))]
    public void SwigluAndItsGradient(ScalarType type, bool aten)
    {
        var (x, dy) = (Oracle.Normal(1, type, 5, 2 * 37), Oracle.Normal(2, type, 5, 37));
        var (value, gradients) = Oracle.Differentiate(
            inputs => nn.functional.silu(inputs[0].narrow(1, 0, 37)) * inputs[0].narrow(1, 37, 37), dy, x);
        var (y, dx) = (Oracle.Unwritten(type, 5, 37), Oracle.Unwritten(type, 5, 74));
        var (forward, backward) = aten
            ? (AtenElementwise.Swiglu, AtenElementwise.SwigluGrad)
            : ((Action<Tensor, Tensor>)Kernels.Swiglu, (Action<Tensor, Tensor, Tensor>)Kernels.SwigluGrad);
        forward(x, y);
        backward(dy, x, dx);
        Oracle.Close(value, y);
        Oracle.Close(gradients[0], dx, "dx");
        backward(dy, x, x);
        Oracle.Close(gradients[0], x, "dx in place");
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void SoftcapAndItsGradient(ScalarType type, bool aten)
    {
        var (x, dy) = (Oracle.Normal(1, type, Shape).mul_(3), Oracle.Normal(2, type, Shape));
        var (value, gradients) = Oracle.Differentiate(i => (i[0] / 2.5).tanh() * 2.5, dy, x);
        var (y, dx) = (Oracle.Unwritten(type, Shape), Oracle.Unwritten(type, Shape));
        if (aten) AtenElementwise.Softcap(x, 2.5, y);
        else Kernels.Softcap(x, 2.5, y);
        Oracle.Close(value, y);
        if (aten) AtenElementwise.SoftcapGrad(dy, y, 2.5, dx);
        else Kernels.SoftcapGrad(dy, y, 2.5, dx);
        Oracle.Close(gradients[0], dx, "dx");
        Kernels.SoftcapGrad(dy, y, 2.5, dy);
        Oracle.Close(gradients[0], dy, "dx in place");
        Kernels.Softcap(x, 2.5, x);
        Oracle.Close(value, x, "in place");
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void DropoutKeepsItsShareAndRepeatsWithTheSeed(ScalarType type, bool aten)
    {
        var dropout = aten ? AtenElementwise.Dropout : (Action<Tensor, double, ulong, Tensor, Tensor>)Kernels.Dropout;
        var x = Oracle.Normal(1, type, 101, 333);
        var (y, mask) = (Oracle.Unwritten(type, 101, 333), zeros([101, 333], ScalarType.Byte));
        dropout(x, 0.3, 7, y, mask);
        Assert.InRange(mask.to(ScalarType.Float64).mean().item<double>(), 0.69, 0.71);
        Assert.Equal(1, mask.max().item<byte>());
        Oracle.Close(x.to(ScalarType.Float64) * mask.to(ScalarType.Float64) / 0.7, y);

        var (again, other) = (zeros_like(mask), zeros_like(mask));
        dropout(x, 0.3, 7, y, again);
        dropout(x, 0.3, 8, y, other);
        Oracle.Same(mask, again);
        // Two independent masks differ in 2 · 0.3 · 0.7 of their elements.
        Assert.InRange(mask.ne(other).to(ScalarType.Float64).mean().item<double>(), 0.41, 0.43);

        var dx = Oracle.Unwritten(type, 101, 333);
        if (aten) AtenElementwise.DropoutGrad(x, mask, 0.3, dx);
        else Kernels.DropoutGrad(x, mask, 0.3, dx);
        Oracle.Close(x.to(ScalarType.Float64) * mask.to(ScalarType.Float64) / 0.7, dx, "dx");
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    public void ConcatPutsColumnsSideBySide(ScalarType type)
    {
        var (a, b) = (Oracle.Normal(1, type, 5, 3), Oracle.Normal(2, type, 5, 8));
        var y = Oracle.Unwritten(type, 5, 11);
        Kernels.Concat([a, b], y);
        Oracle.Same(cat([a, b], 1), y);
    }

    [Theory]
    [InlineData(ScalarType.BFloat16, 1)]
    [InlineData(ScalarType.BFloat16, 1037)]
    [InlineData(ScalarType.Float16, 1037)]
    public void CastRoundsToNearestEven(ScalarType type, int length)
    {
        var x = Oracle.Normal(1, ScalarType.Float32, length);
        if (length > 4) x[..4] = tensor(new[] { float.NaN, float.PositiveInfinity, 1.00390625f, 1e-40f });
        var y = Oracle.Unwritten(type, length);
        Kernels.Cast(x, y);
        Assert.True(x.to(type).allclose(y, rtol: 0, atol: 0, equal_nan: true));
        var back = Oracle.Unwritten(ScalarType.Float32, length);
        Kernels.Cast(y, back);
        Assert.True(y.to(ScalarType.Float32).allclose(back, rtol: 0, atol: 0, equal_nan: true));
    }

    private static void Activation(
        ScalarType type, Func<Tensor, Tensor> reference, Action<Tensor, Tensor> forward, Action<Tensor, Tensor, Tensor> backward)
    {
        // Scaled so that the tails of each function are reached.
        var (x, dy) = (Oracle.Normal(1, type, 13, 331).mul_(3), Oracle.Normal(2, type, 13, 331));
        var (value, gradients) = Oracle.Differentiate(inputs => reference(inputs[0]), dy, x);
        var (y, dx) = (Oracle.Unwritten(type, 13, 331), Oracle.Unwritten(type, 13, 331));
        forward(x, y);
        backward(dy, x, dx);
        Oracle.Close(value, y);
        Oracle.Close(gradients[0], dx, "dx");
        backward(dy, x, dy);
        Oracle.Close(gradients[0], dy, "dx in place");
    }
}
