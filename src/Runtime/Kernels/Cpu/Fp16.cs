using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// 16-bit floating point of IEEE 754: 5 bits of exponent, 10 of mantissa, largest value 65504. .NET 10 has no intrinsic for the
/// processor's conversion, so bits are moved, and numbers below 2⁻¹⁴ are normalized by an fp32 addition that rounds them right.
/// </summary>
internal readonly unsafe struct Fp16 : IElement<Fp16>
{
    private readonly ushort _bits;

    public static ScalarType Type => ScalarType.Float16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(Fp16* source) => Widen(Vector256.Load(&source->_bits));

    /// <summary>Rounds to nearest even; what is too large becomes an infinity, and a NaN stays a NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Fp16* destination, Vector512<float> value) => Round(value).Store(&destination->_bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(Fp16* source, long count, float fill)
    {
        if (!Avx512BW.VL.IsSupported) return Lanes.LoadStart(source, count, fill);
        var rest = Vector256.Create(BitConverter.HalfToUInt16Bits((Half)fill));
        return Widen(Avx512BW.VL.MaskLoad(&source->_bits, Halves.Mask(count), rest));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Fp16* destination, long count, Vector512<float> value)
    {
        if (Avx512BW.VL.IsSupported) Avx512BW.VL.MaskStore(&destination->_bits, Halves.Mask(count), Round(value));
        else Lanes.StoreStart(destination, count, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Widen(Vector256<ushort> bits)
    {
        var wide = Halves.Widen(bits);
        var magnitude = (wide & Vector512.Create(0x7FFFu)) << 13;
        // The exponent's bias is 15 here and 127 there; infinities and NaNs have all bits of it set.
        var rebias = Vector512.Create(112u << 23);
        var special = Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(0x7C00u << 13));
        var normal = magnitude + rebias + (special & rebias);
        // 2⁻¹⁴ + m · 2⁻²⁴, less 2⁻¹⁴
        var least = Vector512.Create(113u << 23);
        var subnormal = ((magnitude + least).AsSingle() - least.AsSingle()).AsUInt32();
        var value = Vector512.ConditionalSelect(Vector512.LessThan(magnitude, Vector512.Create(0x0400u << 13)), subnormal, normal);
        return (value | ((wide & Vector512.Create(0x8000u)) << 16)).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ushort> Round(Vector512<float> value)
    {
        var bits = value.AsUInt32();
        var magnitude = bits & Vector512.Create(0x7FFFFFFFu);
        var even = (magnitude >> 13) & Vector512<uint>.One;
        var normal = (magnitude - Vector512.Create((112u << 23) - 0xFFFu) + even) >> 13;
        // Adding 0.5 leaves the multiples of 2⁻²⁴ in the low bits, rounded.
        var half = Vector512.Create(0.5f);
        var subnormal = (magnitude.AsSingle() + half).AsUInt32() - half.AsUInt32();
        var rounded = Vector512.ConditionalSelect(Vector512.LessThan(magnitude, Vector512.Create(113u << 23)), subnormal, normal);
        // 65520 and above rounds to 2¹⁶.
        rounded = Vector512.Min(rounded, Vector512.Create(0x7C00u));
        rounded = Vector512.ConditionalSelect(Vector512.IsNaN(value).AsUInt32(), Vector512.Create(0x7E00u), rounded);
        return Halves.Narrow(rounded | ((bits >> 16) & Vector512.Create(0x8000u)));
    }
}
