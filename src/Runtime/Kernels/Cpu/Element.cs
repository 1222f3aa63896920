using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>An element type of the compute graph: kernels calculate in fp32, 16 lanes at a time, whatever the storage.</summary>
internal unsafe interface IElement<TSelf>
    where TSelf : unmanaged, IElement<TSelf>
{
    static abstract ScalarType Type { get; }

    static abstract Vector512<float> Load(TSelf* source);

    static abstract void Store(TSelf* destination, Vector512<float> value);

    /// <summary>The first elements, fewer than 16; the other lanes hold <paramref name="fill"/>.</summary>
    static abstract Vector512<float> Load(TSelf* source, long count, float fill);

    /// <summary>Writes the first lanes, fewer than 16.</summary>
    static abstract void Store(TSelf* destination, long count, Vector512<float> value);
}

/// <summary>32-bit floating point.</summary>
internal readonly unsafe struct Fp32 : IElement<Fp32>
{
    private readonly float _value;

    public static ScalarType Type => ScalarType.Float32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(Fp32* source) => Vector512.Load(&source->_value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Fp32* destination, Vector512<float> value) => value.Store(&destination->_value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(Fp32* source, long count, float fill) => Avx512F.IsSupported
        ? Avx512F.MaskLoad(&source->_value, Mask(count), Vector512.Create(fill))
        : Lanes.LoadStart(source, count, fill);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Fp32* destination, long count, Vector512<float> value)
    {
        if (Avx512F.IsSupported) Avx512F.MaskStore(&destination->_value, Mask(count), value);
        else Lanes.StoreStart(destination, count, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Mask(long count) =>
        Vector512.LessThan(Vector512<int>.Indices, Vector512.Create((int)count)).AsSingle();
}

/// <summary>The upper half of a 32-bit floating-point number.</summary>
internal readonly unsafe struct Bf16 : IElement<Bf16>
{
    private readonly ushort _bits;

    public static ScalarType Type => ScalarType.BFloat16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(Bf16* source) => Widen(Vector256.Load(&source->_bits));

    /// <summary>Rounds to nearest even; a NaN stays a NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Bf16* destination, Vector512<float> value) => Round(value).Store(&destination->_bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(Bf16* source, long count, float fill)
    {
        if (!Avx512BW.VL.IsSupported) return Lanes.LoadStart(source, count, fill);
        var rest = Vector256.Create((ushort)(BitConverter.SingleToUInt32Bits(fill) >> 16));
        return Widen(Avx512BW.VL.MaskLoad(&source->_bits, Halves.Mask(count), rest));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Bf16* destination, long count, Vector512<float> value)
    {
        if (Avx512BW.VL.IsSupported) Avx512BW.VL.MaskStore(&destination->_bits, Halves.Mask(count), Round(value));
        else Lanes.StoreStart(destination, count, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Widen(Vector256<ushort> bits) => (Halves.Widen(bits) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ushort> Round(Vector512<float> value)
    {
        var bits = value.AsUInt32();
        var rounded = (bits + Vector512.Create(0x7FFFu) + ((bits >> 16) & Vector512<uint>.One)) >> 16;
        return Halves.Narrow(Vector512.ConditionalSelect(Vector512.IsNaN(value).AsUInt32(), Vector512.Create(0x7FC0u), rounded));
    }
}

/// <summary>16 numbers of 16 bits each and the same in 32 bits.</summary>
internal static class Halves
{
    /// <summary>The first lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ushort> Mask(long count) =>
        Vector256.LessThan(Vector256<ushort>.Indices, Vector256.Create((ushort)count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Widen(Vector256<ushort> bits) => Avx512F.IsSupported
        ? Avx512F.ConvertToVector512UInt32(bits)
        : Vector512.Create(Vector256.WidenLower(bits), Vector256.WidenUpper(bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ushort> Narrow(Vector512<uint> bits) => Avx512F.IsSupported
        ? Avx512F.ConvertToVector256UInt16(bits)
        : Vector256.Narrow(bits.GetLower(), bits.GetUpper());
}

/// <summary>Loads and stores of 16 lanes that end where a row ends, and functions of them.</summary>
internal static unsafe class Lanes
{
    public const int Count = 16;

    /// <summary>Elements i..i + 15 of a row of n; lanes beyond its end hold <paramref name="fill"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load<T>(T* row, long i, long n, float fill = 0)
        where T : unmanaged, IElement<T> => i + Count <= n ? T.Load(row + i) : T.Load(row + i, n - i, fill);

    /// <summary>Writes the lanes that lie within the row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(T* row, long i, long n, Vector512<float> value)
        where T : unmanaged, IElement<T>
    {
        if (i + Count <= n) T.Store(row + i, value);
        else T.Store(row + i, n - i, value);
    }

    /// <summary>The first lanes, and zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> First(Vector512<float> value, long count) => Vector512.ConditionalSelect(
        Vector512.LessThan(Vector512<int>.Indices, Vector512.Create((int)count)).AsSingle(), value, Vector512<float>.Zero);

    /// <summary>eˣ to within 2 units in the last place; 0 below −87.3. (Cody and Waite's reduction, degree-6 polynomial.)</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        // A NaN passes through the bounds: where an operand is NaN, the native forms give the second.
        var clamped = Vector512.MinNative(Vector512.Create(88.3f), Vector512.MaxNative(Vector512.Create(-87.3f), x));
        // Adding 1.5·2²³ rounds to an integer, which then lies in the low bits.
        var shifted = Vector512.FusedMultiplyAdd(clamped, Vector512.Create(1.44269504f), Vector512.Create(12582912f));
        var n = shifted - Vector512.Create(12582912f);
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-0.693359375f), clamped);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(2.12194440e-4f), r);
        var p = Vector512.Create(1.9875691500e-4f);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(5.0000001201e-1f));
        p = Vector512.FusedMultiplyAdd(p, r * r, r + Vector512<float>.One);
        var scale = ((shifted.AsInt32() << 23) + Vector512.Create(0x3F800000)).AsSingle();
        return Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512.Create(-87.3f)), Vector512<float>.Zero, p * scale);
    }

    /// <summary>1 / (1 + e⁻ˣ)</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x) =>
        Vector512<float>.One / (Vector512<float>.One + Exp(-x));

    /// <summary>The largest lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector512<float> value)
    {
        var half = Vector256.Max(value.GetLower(), value.GetUpper());
        var quarter = Vector128.Max(half.GetLower(), half.GetUpper());
        var maximum = float.NegativeInfinity;
        for (var i = 0; i < 4; i++) maximum = MathF.Max(maximum, quarter[i]);
        return maximum;
    }

    /// <summary>What <see cref="IElement{T}.Load(T*, long, float)"/> is where loads cannot be masked.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Vector512<float> LoadStart<T>(T* source, long count, float fill)
        where T : unmanaged, IElement<T>
    {
        var buffer = stackalloc T[Count];
        T.Store(buffer, Vector512.Create(fill));
        Unsafe.CopyBlockUnaligned(buffer, source, (uint)(count * sizeof(T)));
        return T.Load(buffer);
    }

    /// <summary>What <see cref="IElement{T}.Store(T*, long, Vector512{float})"/> is where stores cannot be masked.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void StoreStart<T>(T* destination, long count, Vector512<float> value)
        where T : unmanaged, IElement<T>
    {
        var buffer = stackalloc T[Count];
        T.Store(buffer, value);
        Unsafe.CopyBlockUnaligned(destination, buffer, (uint)(count * sizeof(T)));
    }
}
