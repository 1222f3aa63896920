using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

/// <summary>Kernels that add the bias of the linear layer before them.</summary>
public static partial class Kernels
{
    /// <summary>y = a + b + bias</summary>
    /// <param name="a">[N, M]</param>
    /// <param name="b">As a.</param>
    /// <param name="bias">[M], of the same type.</param>
    /// <param name="y">As a; may be a or b.</param>
    public static void Add(Tensor a, Tensor b, Tensor bias, Tensor y)
    {
        if (Cpu.Takes(a)) BiasMap.Add(a, b, bias, y);
        else AtenBiases.Add(a, b, bias, y);
    }

    /// <summary><see cref="Gelu(Tensor, Tensor)"/> of x + bias.</summary>
    /// <param name="x">[N, M]</param>
    /// <param name="bias">[M], of the same type.</param>
    /// <param name="y">As x; may be x.</param>
    public static void Gelu(Tensor x, Tensor bias, Tensor y)
    {
        if (Cpu.Takes(x)) BiasMap.UnaryOr<Implementations.Gelu, CoarseGelu>(x, bias, y);
        else AtenBiases.Unary(x, bias, y, AtenElementwise.Gelu);
    }

    /// <summary>The gradient of <see cref="Gelu(Tensor, Tensor, Tensor)"/>.</summary>
    /// <param name="dy">[N, M]</param>
    /// <param name="x">As dy.</param>
    /// <param name="bias">[M], of the same type.</param>
    /// <param name="accumulate">Add to <paramref name="dBias"/>.</param>
    /// <param name="dx">As dy; may be dy.</param>
    /// <param name="dBias">fp32 [M]</param>
    public static void GeluGrad(Tensor dy, Tensor x, Tensor bias, bool accumulate, Tensor dx, Tensor dBias)
    {
        if (Cpu.Takes(dy)) BiasMap.GradientOr<Implementations.GeluGrad, CoarseGeluGrad>(dy, x, bias, accumulate, dx, dBias);
        else AtenBiases.Gradient(dy, x, bias, accumulate, dx, dBias, AtenElementwise.GeluGrad);
    }

    /// <summary><see cref="GeluTanh(Tensor, Tensor)"/> of x + bias.</summary>
    /// <param name="x">[N, M]</param>
    /// <param name="bias">[M], of the same type.</param>
    /// <param name="y">As x; may be x.</param>
    public static void GeluTanh(Tensor x, Tensor bias, Tensor y)
    {
        if (Cpu.Takes(x)) BiasMap.UnaryOr<Implementations.GeluTanh, Implementations.GeluTanh>(x, bias, y);
        else AtenBiases.Unary(x, bias, y, AtenElementwise.GeluTanh);
    }

    /// <summary>The gradient of <see cref="GeluTanh(Tensor, Tensor, Tensor)"/>.</summary>
    /// <param name="dy">[N, M]</param>
    /// <param name="x">As dy.</param>
    /// <param name="bias">[M], of the same type.</param>
    /// <param name="accumulate">Add to <paramref name="dBias"/>.</param>
    /// <param name="dx">As dy; may be dy.</param>
    /// <param name="dBias">fp32 [M]</param>
    public static void GeluTanhGrad(Tensor dy, Tensor x, Tensor bias, bool accumulate, Tensor dx, Tensor dBias)
    {
        if (Cpu.Takes(dy)) BiasMap.GradientOr<Implementations.GeluTanhGrad, Implementations.GeluTanhGrad>(dy, x, bias, accumulate, dx, dBias);
        else AtenBiases.Gradient(dy, x, bias, accumulate, dx, dBias, AtenElementwise.GeluTanhGrad);
    }

    /// <summary><see cref="Silu(Tensor, Tensor)"/> of x + bias.</summary>
    /// <param name="x">[N, M]</param>
    /// <param name="bias">[M], of the same type.</param>
    /// <param name="y">As x; may be x.</param>
    public static void Silu(Tensor x, Tensor bias, Tensor y)
    {
        if (Cpu.Takes(x)) BiasMap.UnaryOr<Implementations.Silu, Implementations.Silu>(x, bias, y);
        else AtenBiases.Unary(x, bias, y, AtenElementwise.Silu);
    }

    /// <summary>The gradient of <see cref="Silu(Tensor, Tensor, Tensor)"/>.</summary>
    /// <param name="dy">[N, M]</param>
    /// <param name="x">As dy.</param>
    /// <param name="bias">[M], of the same type.</param>
    /// <param name="accumulate">Add to <paramref name="dBias"/>.</param>
    /// <param name="dx">As dy; may be dy.</param>
    /// <param name="dBias">fp32 [M]</param>
    public static void SiluGrad(Tensor dy, Tensor x, Tensor bias, bool accumulate, Tensor dx, Tensor dBias)
    {
        if (Cpu.Takes(dy)) BiasMap.GradientOr<Implementations.SiluGrad, Implementations.SiluGrad>(dy, x, bias, accumulate, dx, dBias);
        else AtenBiases.Gradient(dy, x, bias, accumulate, dx, dBias, AtenElementwise.SiluGrad);
    }

    /// <summary><see cref="ReluSquared(Tensor, Tensor)"/> of x + bias.</summary>
    /// <param name="x">[N, M]</param>
    /// <param name="bias">[M], of the same type.</param>
    /// <param name="y">As x; may be x.</param>
    public static void ReluSquared(Tensor x, Tensor bias, Tensor y)
    {
        if (Cpu.Takes(x)) BiasMap.UnaryOr<Implementations.ReluSquared, Implementations.ReluSquared>(x, bias, y);
        else AtenBiases.Unary(x, bias, y, AtenElementwise.ReluSquared);
    }

    /// <summary>The gradient of <see cref="ReluSquared(Tensor, Tensor, Tensor)"/>.</summary>
    /// <param name="dy">[N, M]</param>
    /// <param name="x">As dy.</param>
    /// <param name="bias">[M], of the same type.</param>
    /// <param name="accumulate">Add to <paramref name="dBias"/>.</param>
    /// <param name="dx">As dy; may be dy.</param>
    /// <param name="dBias">fp32 [M]</param>
    public static void ReluSquaredGrad(Tensor dy, Tensor x, Tensor bias, bool accumulate, Tensor dx, Tensor dBias)
    {
        if (Cpu.Takes(dy)) BiasMap.GradientOr<Implementations.ReluSquaredGrad, Implementations.ReluSquaredGrad>(dy, x, bias, accumulate, dx, dBias);
        else AtenBiases.Gradient(dy, x, bias, accumulate, dx, dBias, AtenElementwise.ReluSquaredGrad);
    }

    /// <summary><see cref="Relu(Tensor, Tensor)"/> of x + bias.</summary>
    /// <param name="x">[N, M]</param>
    /// <param name="bias">[M], of the same type.</param>
    /// <param name="y">As x; may be x.</param>
    public static void Relu(Tensor x, Tensor bias, Tensor y)
    {
        if (Cpu.Takes(x)) BiasMap.UnaryOr<Implementations.Relu, Implementations.Relu>(x, bias, y);
        else AtenBiases.Unary(x, bias, y, AtenElementwise.Relu);
    }

    /// <summary>The gradient of <see cref="Relu(Tensor, Tensor, Tensor)"/>.</summary>
    /// <param name="dy">[N, M]</param>
    /// <param name="x">As dy.</param>
    /// <param name="bias">[M], of the same type.</param>
    /// <param name="accumulate">Add to <paramref name="dBias"/>.</param>
    /// <param name="dx">As dy; may be dy.</param>
    /// <param name="dBias">fp32 [M]</param>
    public static void ReluGrad(Tensor dy, Tensor x, Tensor bias, bool accumulate, Tensor dx, Tensor dBias)
    {
        if (Cpu.Takes(dy)) BiasMap.GradientOr<Implementations.ReluGrad, Implementations.ReluGrad>(dy, x, bias, accumulate, dx, dBias);
        else AtenBiases.Gradient(dy, x, bias, accumulate, dx, dBias, AtenElementwise.ReluGrad);
    }

    /// <summary><see cref="Tanh(Tensor, Tensor)"/> of x + bias.</summary>
    /// <param name="x">[N, M]</param>
    /// <param name="bias">[M], of the same type.</param>
    /// <param name="y">As x; may be x.</param>
    public static void Tanh(Tensor x, Tensor bias, Tensor y)
    {
        if (Cpu.Takes(x)) BiasMap.UnaryOr<Implementations.Tanh, Implementations.Tanh>(x, bias, y);
        else AtenBiases.Unary(x, bias, y, AtenElementwise.Tanh);
    }

    /// <summary>The gradient of <see cref="Tanh(Tensor, Tensor, Tensor)"/>.</summary>
    /// <param name="dy">[N, M]</param>
    /// <param name="x">As dy.</param>
    /// <param name="bias">[M], of the same type.</param>
    /// <param name="accumulate">Add to <paramref name="dBias"/>.</param>
    /// <param name="dx">As dy; may be dy.</param>
    /// <param name="dBias">fp32 [M]</param>
    public static void TanhGrad(Tensor dy, Tensor x, Tensor bias, bool accumulate, Tensor dx, Tensor dBias)
    {
        if (Cpu.Takes(dy)) BiasMap.GradientOr<Implementations.TanhGrad, Implementations.TanhGrad>(dy, x, bias, accumulate, dx, dBias);
        else AtenBiases.Gradient(dy, x, bias, accumulate, dx, dBias, AtenElementwise.TanhGrad);
    }
}
