using ModelCompiler.Runtime.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Elementwise kernels by libtorch, on any device.</summary>
internal static class AtenElementwise
{
    public static void Add(Tensor a, Tensor b, Tensor y)
    {
        // The dispatcher cannot pass add.out's scalar alpha, hence copy and add in place.
        if (Aten.Same(b, y)) (a, b) = (b, a);
        if (!Aten.Same(a, y)) y.copy_(a);
        y.add_(b);
    }

    public static void Multiply(Tensor a, Tensor b, Tensor y)
    {
        var call = new OperatorCall("aten::mul"u8, "out"u8);
        call.Add(a);
        call.Add(b);
        call.Add(y);
        call.Invoke(1);
    }

    public static void Gelu(Tensor x, Tensor y) => Gelu(x, "none"u8, y);

    public static void GeluGrad(Tensor dy, Tensor x, Tensor dx) => GeluGrad(dy, x, "none"u8, dx);

    public static void GeluTanh(Tensor x, Tensor y) => Gelu(x, "tanh"u8, y);

    public static void GeluTanhGrad(Tensor dy, Tensor x, Tensor dx) => GeluGrad(dy, x, "tanh"u8, dx);

    private static void Gelu(Tensor x, ReadOnlySpan<byte> approximation, Tensor y)
    {
        var call = new OperatorCall("aten::gelu"u8, "out"u8);
        call.Add(x);
        call.Add(approximation);
        call.Add(y);
        call.Invoke(1);
    }

    private static void GeluGrad(Tensor dy, Tensor x, ReadOnlySpan<byte> approximation, Tensor dx)
    {
        var call = new OperatorCall("aten::gelu_backward"u8, "grad_input"u8);
        call.Add(dy);
        call.Add(x);
        call.Add(approximation);
        call.Add(dx);
        call.Invoke(1);
    }

    public static void Tanh(Tensor x, Tensor y)
    {
        using var value = x.tanh();
        y.copy_(value);
    }

    public static void TanhGrad(Tensor dy, Tensor x, Tensor dx)
    {
        using var scope = NewDisposeScope();
        dx.copy_(dy * (1 - x.tanh().square()));
    }

    public static void Silu(Tensor x, Tensor y)
    {
        var call = new OperatorCall("aten::silu"u8, "out"u8);
        call.Add(x);
        call.Add(y);
        call.Invoke(1);
    }

    public static void SiluGrad(Tensor dy, Tensor x, Tensor dx)
    {
        var call = new OperatorCall("aten::silu_backward"u8, "grad_input"u8);
        call.Add(dy);
        call.Add(x);
        call.Add(dx);
        call.Invoke(1);
    }

    public static void ReluSquared(Tensor x, Tensor y)
    {
        using var positive = x.relu();
        Multiply(positive, positive, y);
    }

    public static void ReluSquaredGrad(Tensor dy, Tensor x, Tensor dx)
    {
        using var positive = x.relu();
        positive.add_(positive);
        Multiply(positive, dy, dx);
    }

    public static void Relu(Tensor x, Tensor y)
    {
        var call = new OperatorCall("aten::relu"u8, "out"u8);
        call.Add(x);
        call.Add(y);
        call.Invoke(1);
    }

    public static void ReluGrad(Tensor dy, Tensor x, Tensor dx)
    {
        using var positive = x > 0;
        Multiply(dy, positive, dx);
    }

    public static void Swiglu(Tensor x, Tensor y)
    {
        using var scope = NewDisposeScope();
        var (gate, up) = Halves(x);
        Multiply(nn.functional.silu(gate), up, y);
    }

    public static void SwigluGrad(Tensor dy, Tensor x, Tensor dx)
    {
        using var scope = NewDisposeScope();
        var (gate, up) = Halves(x);
        var (dGate, dUp) = Halves(dx);
        var silu = nn.functional.silu(gate);
        var dSilu = dy * up;
        var gradient = empty_like(dSilu);
        SiluGrad(dSilu, gate, gradient);
        dGate.copy_(gradient);
        dUp.copy_(dy * silu);
    }

    public static void Softcap(Tensor x, double cap, Tensor y)
    {
        using var scope = NewDisposeScope();
        y.copy_(x.to(ScalarType.Float32).div(cap).tanh_().mul_(cap));
    }

    public static void SoftcapGrad(Tensor dy, Tensor y, double cap, Tensor dx)
    {
        using var scope = NewDisposeScope();
        dx.copy_(dy.to(ScalarType.Float32) * (1 - y.to(ScalarType.Float32).div(cap).pow_(2)));
    }

    public static void Dropout(Tensor x, double rate, ulong seed, Tensor y, Tensor mask)
    {
        using var generator = new Generator(seed, x.device);
        mask.bernoulli_(1 - rate, generator);
        DropoutGrad(x, mask, rate, y);
    }

    public static void DropoutGrad(Tensor dy, Tensor mask, double rate, Tensor dx)
    {
        Multiply(dy, mask, dx);
        dx.mul_(1 / (1 - rate));
    }

    public static void Concat(Tensor[] parts, Tensor y)
    {
        var call = new OperatorCall("aten::cat"u8, "out"u8);
        call.AddTensors(parts);
        call.Add(-1L);
        call.Add(y);
        call.Invoke(1);
    }

    public static void Cast(Tensor x, Tensor y) => y.copy_(x);

    private static (Tensor Left, Tensor Right) Halves(Tensor x)
    {
        var half = x.size(-1) / 2;
        return (x.narrow(-1, 0, half), x.narrow(-1, half, half));
    }
}
