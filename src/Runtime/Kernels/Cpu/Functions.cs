using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>a + b</summary>
internal readonly struct Sum : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> a, Vector512<float> b) => a + b;
}

/// <summary>a · b</summary>
internal readonly struct Product : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> a, Vector512<float> b) => a * b;
}

/// <summary>Φ(x), the distribution function of the normal distribution, and e^(−x²/2), which it needs anyway.</summary>
internal static class NormalDistribution
{
    /// <summary>
    /// Φ(−|x|) = e^(−x²/2) · t · p(t) with t = 1 / (1 + 0.35·|x|): the form of Abramowitz and Stegun 7.1.26, but with a p of
    /// degree 8, interpolated at the Chebyshev points of |x| ≤ 14. Its error of 4e-8 is relative, so the tail is exact too.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Phi, Vector512<float> Exponential) At(Vector512<float> x)
    {
        var exponential = Lanes.Exp(x * x * Vector512.Create(-0.5f));
        var t = Vector512<float>.One / Vector512.FusedMultiplyAdd(Vector512.Abs(x), Vector512.Create(0.35f), Vector512<float>.One);
        var p = Vector512.Create(-0.029679522f);
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.14654583f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(-0.260961228f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.165050996f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(-0.0270466083f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.107114588f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.119444917f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.139912298f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.139618713f));
        var tail = p * t * exponential;
        var phi = Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512<float>.Zero), tail, Vector512<float>.One - tail);
        return (phi, exponential);
    }
}

/// <summary>x · Φ(x)</summary>
internal readonly struct Gelu : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> x) => x * NormalDistribution.At(x).Phi;
}

/// <summary>dy · (Φ(x) + x · φ(x))</summary>
internal readonly struct GeluGrad : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> dy, Vector512<float> x)
    {
        var (phi, exponential) = NormalDistribution.At(x);
        return dy * Vector512.FusedMultiplyAdd(x * Vector512.Create(0.39894228f), exponential, phi);
    }
}

/// <summary>x/2 · (1 + tanh(u)) = x · σ(2u) with 2u = 2√(2/π) · (x + 0.044715 x³)</summary>
internal readonly struct GeluTanh : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> x) => x * Lanes.Sigmoid(Argument(x));

    /// <summary>2√(2/π) · (x + 0.044715 x³)</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Argument(Vector512<float> x) =>
        x * Vector512.FusedMultiplyAdd(x * x, Vector512.Create(0.071354816f), Vector512.Create(1.5957691f));
}

/// <summary>dy · σ(2u) · (1 + x · (1 − σ(2u)) · (2u)′)</summary>
internal readonly struct GeluTanhGrad : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> dy, Vector512<float> x)
    {
        var sigmoid = Lanes.Sigmoid(GeluTanh.Argument(x));
        var slope = Vector512.FusedMultiplyAdd(x * x, Vector512.Create(0.21406445f), Vector512.Create(1.5957691f));
        return dy * sigmoid * Vector512.FusedMultiplyAdd(x * slope, Vector512<float>.One - sigmoid, Vector512<float>.One);
    }
}

/// <summary>x · σ(x)</summary>
internal readonly struct Silu : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> x) => x * Lanes.Sigmoid(x);
}

/// <summary>dy · σ(x) · (1 + x · (1 − σ(x)))</summary>
internal readonly struct SiluGrad : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> dy, Vector512<float> x)
    {
        var sigmoid = Lanes.Sigmoid(x);
        return dy * sigmoid * Vector512.FusedMultiplyAdd(x, Vector512<float>.One - sigmoid, Vector512<float>.One);
    }
}

/// <summary>tanh(x) = 2 · σ(2x) − 1</summary>
internal readonly struct Tanh : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> x)
    {
        var sigmoid = Lanes.Sigmoid(x + x);
        return sigmoid + sigmoid - Vector512<float>.One;
    }
}

/// <summary>dy · (1 − tanh²(x))</summary>
internal readonly struct TanhGrad : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> dy, Vector512<float> x)
    {
        var y = Tanh.Apply(x);
        return dy * (Vector512<float>.One - (y * y));
    }
}

/// <summary>max(x, 0)²</summary>
internal readonly struct ReluSquared : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> x)
    {
        var positive = Vector512.Max(x, Vector512<float>.Zero);
        return positive * positive;
    }
}

/// <summary>2 · max(x, 0) · dy</summary>
internal readonly struct ReluSquaredGrad : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> dy, Vector512<float> x)
    {
        var positive = Vector512.Max(x, Vector512<float>.Zero);
        return dy * (positive + positive);
    }
}

/// <summary>max(x, 0)</summary>
internal readonly struct Relu : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> x) => Vector512.Max(x, Vector512<float>.Zero);
}

/// <summary>dy where x &gt; 0</summary>
internal readonly struct ReluGrad : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> dy, Vector512<float> x) =>
        Vector512.ConditionalSelect(Vector512.GreaterThan(x, Vector512<float>.Zero), dy, Vector512<float>.Zero);
}
