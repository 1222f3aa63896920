using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// What <see cref="NormalDistribution"/> gives, to a relative error of 4e-4: an eighth of what bf16 rounds to, in half the
/// operations. The same form with polynomials of lower degree, interpolated at the Chebyshev points.
/// </summary>
internal static class CoarseNormalDistribution
{
    /// <summary>Φ(−|x|) and e^(−x²/2).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Tail, Vector512<float> Exponential) At(Vector512<float> magnitude)
    {
        // 2^z for z = −x²/2 · log₂e: the whole part goes into the exponent's bits.
        var z = Vector512.MaxNative(Vector512.Create(-125f), magnitude * magnitude * Vector512.Create(-0.72134752f));
        var shifted = z + Vector512.Create(12582912f);
        var fraction = z - (shifted - Vector512.Create(12582912f));
        var power = Vector512.Create(0.055838283f);
        power = Vector512.FusedMultiplyAdd(power, fraction, Vector512.Create(0.24263948f));
        power = Vector512.FusedMultiplyAdd(power, fraction, Vector512.Create(0.69313673f));
        power = Vector512.FusedMultiplyAdd(power, fraction, Vector512.Create(0.99992456f));
        var exponential = (power.AsInt32() + (shifted.AsInt32() << 23)).AsSingle();

        var t = Reciprocal(Vector512.FusedMultiplyAdd(magnitude, Vector512.Create(0.35f), Vector512<float>.One));
        var p = Vector512.Create(-0.0896167f);
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.25402204f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.039173907f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.15830163f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.13812653f));
        return (p * t * exponential, exponential);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Reciprocal(Vector512<float> x) =>
        Avx512F.IsSupported ? Avx512F.Reciprocal14(x) : Vector512<float>.One / x;
}

/// <summary>x · Φ(x) = max(x, 0) − |x| · Φ(−|x|)</summary>
internal readonly struct CoarseGelu : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> x)
    {
        var magnitude = Vector512.Abs(x);
        return Vector512.Max(x, Vector512<float>.Zero) - (magnitude * CoarseNormalDistribution.At(magnitude).Tail);
    }
}

/// <summary>dy · (Φ(x) + x · φ(x))</summary>
internal readonly struct CoarseGeluGrad : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> dy, Vector512<float> x)
    {
        var (tail, exponential) = CoarseNormalDistribution.At(Vector512.Abs(x));
        var phi = Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512<float>.Zero), tail, Vector512<float>.One - tail);
        return dy * Vector512.FusedMultiplyAdd(x * Vector512.Create(0.39894228f), exponential, phi);
    }
}
