using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>a + b</summary>
internal readonly struct Sum : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> a, Vector512<float> b) => a + b;
}

/// <summary>Φ(x), the distribution function of the normal distribution, and e^(−x²/2), which it needs anyway.</summary>
internal static class NormalDistribution
{
    /// <summary>By Abramowitz and Stegun 7.1.26: absolute error below 1e-7.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Phi, Vector512<float> Exponential) At(Vector512<float> x)
    {
        var exponential = Lanes.Exp(x * x * Vector512.Create(-0.5f));
        var magnitude = Vector512.Abs(x);
        var t = Vector512<float>.One / Vector512.FusedMultiplyAdd(magnitude, Vector512.Create(0.3275911f * 0.70710678f), Vector512<float>.One);
        var p = Vector512.Create(0.5f * 1.061405429f);
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.5f * -1.453152027f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.5f * 1.421413741f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.5f * -0.284496736f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.5f * 0.254829592f));
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
