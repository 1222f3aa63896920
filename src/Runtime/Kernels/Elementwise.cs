using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

public static partial class Kernels
{
    /// <summary>y = factor · x</summary>
    /// <param name="x">[N, M]</param>
    /// <param name="factor">A constant.</param>
    /// <param name="y">[N, M]; may be x, or lie where x does.</param>
    public static unsafe void Scale(Tensor x, double factor, Tensor y)
    {
        if (Cpu.Pointer(x) != Cpu.Pointer(y)) y.copy_(x);
        y.mul_(factor);
    }

    /// <summary>y = a + b</summary>
    /// <param name="a">Any shape.</param>
    /// <param name="b">As a.</param>
    /// <param name="y">As a; may be a or b.</param>
    public static void Add(Tensor a, Tensor b, Tensor y)
    {
        if (Cpu.Takes(a)) Map.Binary<Sum>(a, b, y);
        else AtenElementwise.Add(a, b, y);
    }

    /// <summary>y = a · b</summary>
    /// <param name="a">Any shape.</param>
    /// <param name="b">As a.</param>
    /// <param name="y">As a; may be a or b.</param>
    public static void Multiply(Tensor a, Tensor b, Tensor y)
    {
        if (Cpu.Takes(a)) Map.Binary<Product>(a, b, y);
        else AtenElementwise.Multiply(a, b, y);
    }

    /// <summary>da = dy · b, db = dy · a</summary>
    /// <param name="dy">Any shape.</param>
    /// <param name="a">As dy.</param>
    /// <param name="b">As dy.</param>
    /// <param name="da">As dy; none of the inputs.</param>
    /// <param name="db">As dy; may be dy.</param>
    public static void MultiplyGrad(Tensor dy, Tensor a, Tensor b, Tensor da, Tensor db)
    {
        Multiply(dy, b, da);
        Multiply(dy, a, db);
    }

    /// <summary>Gaussian error linear unit, exact form: y = x · Φ(x) (Hendrycks and Gimpel 2016).</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="y">As x.</param>
    public static void Gelu(Tensor x, Tensor y)
    {
        if (Cpu.Takes(x)) Map.UnaryOr<Implementations.Gelu, CoarseGelu>(x, y);
        else AtenElementwise.Gelu(x, y);
    }

    /// <summary>The gradient of <see cref="Gelu(Tensor, Tensor)"/>.</summary>
    /// <param name="dy">Any shape.</param>
    /// <param name="x">As dy.</param>
    /// <param name="dx">As dy; may be dy.</param>
    public static void GeluGrad(Tensor dy, Tensor x, Tensor dx)
    {
        if (Cpu.Takes(dy)) Map.BinaryOr<Implementations.GeluGrad, CoarseGeluGrad>(dy, x, dx);
        else AtenElementwise.GeluGrad(dy, x, dx);
    }

    /// <summary>The tanh approximation of <see cref="Gelu(Tensor, Tensor)"/>: y = x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))) (Hendrycks and Gimpel 2016).</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="y">As x.</param>
    public static void GeluTanh(Tensor x, Tensor y)
    {
        if (Cpu.Takes(x)) Map.Unary<Implementations.GeluTanh>(x, y);
        else AtenElementwise.GeluTanh(x, y);
    }

    /// <summary>The gradient of <see cref="GeluTanh(Tensor, Tensor)"/>.</summary>
    /// <param name="dy">Any shape.</param>
    /// <param name="x">As dy.</param>
    /// <param name="dx">As dy; may be dy.</param>
    public static void GeluTanhGrad(Tensor dy, Tensor x, Tensor dx)
    {
        if (Cpu.Takes(dy)) Map.Binary<Implementations.GeluTanhGrad>(dy, x, dx);
        else AtenElementwise.GeluTanhGrad(dy, x, dx);
    }

    /// <summary>y = x · σ(x) (Elfwing et al. 2017).</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="y">As x.</param>
    public static void Silu(Tensor x, Tensor y)
    {
        if (Cpu.Takes(x)) Map.Unary<Implementations.Silu>(x, y);
        else AtenElementwise.Silu(x, y);
    }

    /// <summary>The gradient of <see cref="Silu(Tensor, Tensor)"/>.</summary>
    /// <param name="dy">Any shape.</param>
    /// <param name="x">As dy.</param>
    /// <param name="dx">As dy; may be dy.</param>
    public static void SiluGrad(Tensor dy, Tensor x, Tensor dx)
    {
        if (Cpu.Takes(dy)) Map.Binary<Implementations.SiluGrad>(dy, x, dx);
        else AtenElementwise.SiluGrad(dy, x, dx);
    }

    /// <summary>y = max(x, 0)² (So et al. 2021).</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="y">As x.</param>
    public static void ReluSquared(Tensor x, Tensor y)
    {
        if (Cpu.Takes(x)) Map.Unary<Implementations.ReluSquared>(x, y);
        else AtenElementwise.ReluSquared(x, y);
    }

    /// <summary>The gradient of <see cref="ReluSquared(Tensor, Tensor)"/>: dx = 2 · max(x, 0) · dy.</summary>
    /// <param name="dy">Any shape.</param>
    /// <param name="x">As dy.</param>
    /// <param name="dx">As dy; may be dy.</param>
    public static void ReluSquaredGrad(Tensor dy, Tensor x, Tensor dx)
    {
        if (Cpu.Takes(dy)) Map.Binary<Implementations.ReluSquaredGrad>(dy, x, dx);
        else AtenElementwise.ReluSquaredGrad(dy, x, dx);
    }

    /// <summary>y = max(x, 0) (Nair and Hinton 2010).</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="y">As x; may be x.</param>
    public static void Relu(Tensor x, Tensor y)
    {
        if (Cpu.Takes(x)) Map.Unary<Implementations.Relu>(x, y);
        else AtenElementwise.Relu(x, y);
    }

    /// <summary>The gradient of <see cref="Relu(Tensor, Tensor)"/>: dy where x is above 0.</summary>
    /// <param name="dy">Any shape.</param>
    /// <param name="x">As dy.</param>
    /// <param name="dx">As dy; may be dy.</param>
    public static void ReluGrad(Tensor dy, Tensor x, Tensor dx)
    {
        if (Cpu.Takes(dy)) Map.Binary<Implementations.ReluGrad>(dy, x, dx);
        else AtenElementwise.ReluGrad(dy, x, dx);
    }

    /// <summary>The hyperbolic tangent.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="y">As x.</param>
    public static void Tanh(Tensor x, Tensor y)
    {
        if (Cpu.Takes(x)) Map.Unary<Implementations.Tanh>(x, y);
        else AtenElementwise.Tanh(x, y);
    }

    /// <summary>The gradient of <see cref="Tanh(Tensor, Tensor)"/>: dx = (1 − tanh²(x)) · dy.</summary>
    /// <param name="dy">Any shape.</param>
    /// <param name="x">As dy.</param>
    /// <param name="dx">As dy; may be dy.</param>
    public static void TanhGrad(Tensor dy, Tensor x, Tensor dx)
    {
        if (Cpu.Takes(dy)) Map.Binary<Implementations.TanhGrad>(dy, x, dx);
        else AtenElementwise.TanhGrad(dy, x, dx);
    }

    /// <summary>The gated unit y = silu(gate) · up (Shazeer 2020).</summary>
    /// <param name="x">[N, 2M]: gate, then up.</param>
    /// <param name="y">[N, M]</param>
    public static void Swiglu(Tensor x, Tensor y)
    {
        if (Cpu.Takes(x)) CpuSwiglu.Forward(x, y);
        else AtenElementwise.Swiglu(x, y);
    }

    /// <summary>The gradient of <see cref="Swiglu"/>.</summary>
    /// <param name="dy">[N, M]</param>
    /// <param name="x">[N, 2M]</param>
    /// <param name="dx">[N, 2M]; may be x.</param>
    public static void SwigluGrad(Tensor dy, Tensor x, Tensor dx)
    {
        if (Cpu.Takes(dy)) CpuSwiglu.Backward(dy, x, dx);
        else AtenElementwise.SwigluGrad(dy, x, dx);
    }

    /// <summary>y = c · tanh(x / c) (Gemma 2, 2024).</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="cap">c</param>
    /// <param name="y">As x; may be x.</param>
    public static void Softcap(Tensor x, double cap, Tensor y)
    {
        if (Cpu.Takes(x)) CpuSoftcap.Forward(x, cap, y);
        else AtenElementwise.Softcap(x, cap, y);
    }

    /// <summary>The gradient of <see cref="Softcap"/>.</summary>
    /// <param name="dy">Any shape.</param>
    /// <param name="y">As dy: what <see cref="Softcap"/> gave.</param>
    /// <param name="cap">c</param>
    /// <param name="dx">As dy; may be dy.</param>
    public static void SoftcapGrad(Tensor dy, Tensor y, double cap, Tensor dx)
    {
        if (Cpu.Takes(dy)) CpuSoftcap.Backward(dy, y, cap, dx);
        else AtenElementwise.SoftcapGrad(dy, y, cap, dx);
    }

    /// <summary>Zeroes a share of the elements and scales the others by 1 / (1 − rate) (Srivastava et al. 2014).</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="rate">The share, 0 ≤ rate &lt; 1.</param>
    /// <param name="seed">The same seed, shape and device type give the same mask.</param>
    /// <param name="y">As x; may be x.</param>
    /// <param name="mask">uint8, as x: 1 where an element is kept.</param>
    public static void Dropout(Tensor x, double rate, ulong seed, Tensor y, Tensor mask)
    {
        if (Cpu.Takes(x)) CpuDropout.Forward(x, rate, seed, y, mask);
        else AtenElementwise.Dropout(x, rate, seed, y, mask);
    }

    /// <summary>The gradient of <see cref="Dropout"/>.</summary>
    /// <param name="dy">Any shape.</param>
    /// <param name="mask">uint8, as dy.</param>
    /// <param name="rate">The share.</param>
    /// <param name="dx">As dy; may be dy.</param>
    public static void DropoutGrad(Tensor dy, Tensor mask, double rate, Tensor dx)
    {
        if (Cpu.Takes(dy)) CpuDropout.Backward(dy, mask, rate, dx);
        else AtenElementwise.DropoutGrad(dy, mask, rate, dx);
    }

    /// <summary>Matrices side by side: y = [parts₀ | parts₁ | …].</summary>
    /// <param name="parts">Each [N, Cᵢ].</param>
    /// <param name="y">[N, Σ Cᵢ]</param>
    public static void Concat(Tensor[] parts, Tensor y) => AtenElementwise.Concat(parts, y);

    /// <summary>The same values in another element type, rounded to nearest even.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="y">As x, of the type wanted.</param>
    public static void Cast(Tensor x, Tensor y) => AtenElementwise.Cast(x, y);
}
