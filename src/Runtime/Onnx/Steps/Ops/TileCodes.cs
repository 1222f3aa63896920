using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static ModelCompiler.Runtime.Onnx.Steps.Ops.TileProducts;

namespace ModelCompiler.Runtime.Onnx.Steps.Ops;

/// <summary>How the codes of 16 rows lie in words, and are multiplied.</summary>
internal unsafe interface ITileCodes
{
    static abstract int Bits { get; }

    /// <summary>The code of zero, where there are no others.</summary>
    static abstract int Zero { get; }

    /// <summary>Of each row a word of codes that follow each other, brought into the order in which they are multiplied.</summary>
    static abstract Vector512<uint> Spread(Vector512<uint> words);

    /// <summary>The products of each row's codes with an input.</summary>
    static abstract Vector512<int> Sum(byte* weight, sbyte* input, int columns);

    /// <summary>The same with the inputs of four tokens, for which codes are brought into bytes once.</summary>
    /// <param name="stride">From one token's input to the next one's.</param>
    static abstract FourSums SumFour(byte* weight, sbyte* input, nint stride, int columns);
}

/// <summary>Of four tokens.</summary>
internal struct FourSums
{
    public Vector512<int> A, B, C, D;
}

/// <summary>A byte each.</summary>
internal readonly unsafe struct Codes8 : ITileCodes
{
    public const int Middle = 64;

    public static int Bits => 8;

    public static int Zero => Middle;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Spread(Vector512<uint> words) => words;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Sum(byte* weight, sbyte* input, int columns)
    {
        Vector512<int> first = default, second = default;
        for (var end = input + columns; input < end; input += 2 * Word, weight += 2 * Vector)
        {
            first += Widen(Products(Vector512.LoadAligned(weight), Four(input)));
            second += Widen(Products(Vector512.LoadAligned(weight + Vector), Four(input + Word)));
        }

        return first + second;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FourSums SumFour(byte* weight, sbyte* input, nint stride, int columns)
    {
        Vector512<int> a = default, b = default, c = default, d = default;
        for (var end = input + columns; input < end; input += Word, weight += Vector)
        {
            var codes = Vector512.LoadAligned(weight);
            a += Widen(Products(codes, Four(input)));
            b += Widen(Products(codes, Four(input + stride)));
            c += Widen(Products(codes, Four(input + (2 * stride))));
            d += Widen(Products(codes, Four(input + (3 * stride))));
        }

        return new() { A = a, B = b, C = c, D = d };
    }
}

/// <summary>Four columns in the low halves of a word's bytes, the four behind them in the high ones.</summary>
internal readonly unsafe struct Codes4 : ITileCodes
{
    public static int Bits => 4;

    public static int Zero => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Spread(Vector512<uint> words)
    {
        return Half(words & Vector512.Create(0xFFFFu)) | (Half(words >> 16) << 4);

        static Vector512<uint> Half(Vector512<uint> codes)
        {
            codes = (codes | (codes << 8)) & Vector512.Create(0x00FF00FFu);
            return (codes | (codes << 4)) & Vector512.Create(0x0F0F0F0Fu);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Sum(byte* weight, sbyte* input, int columns)
    {
        // Sums of eight products fit into 16 bits: 8 · 2 · 15 · 127 is less than 2¹⁵.
        var total = Vector512<int>.Zero;
        for (; columns >= 64; columns -= 64, input += 64, weight += 8 * Vector)
        {
            total += Widen(Low(weight, input, 0) + Low(weight, input, 1) + (Low(weight, input, 2) + Low(weight, input, 3))
                + (Low(weight, input, 4) + Low(weight, input, 5) + (Low(weight, input, 6) + Low(weight, input, 7))));
            total += Widen(High(weight, input, 0) + High(weight, input, 1) + (High(weight, input, 2) + High(weight, input, 3))
                + (High(weight, input, 4) + High(weight, input, 5) + (High(weight, input, 6) + High(weight, input, 7))));
        }

        for (; columns > 0; columns -= 16, input += 16, weight += 2 * Vector)
            total += Widen(Low(weight, input, 0) + High(weight, input, 0) + (Low(weight, input, 1) + High(weight, input, 1)));
        return total;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FourSums SumFour(byte* weight, sbyte* input, nint stride, int columns)
    {
        Vector512<int> a = default, b = default, c = default, d = default;
        var mask = Vector512.Create((byte)0x0F);
        for (var end = input + columns; input < end;)
        {
            // Sums of eight products, of 32 columns, fit into 16 bits.
            Vector512<short> e = default, f = default, g = default, h = default;
            for (var some = input + Math.Min(32, end - input); input < some; input += 2 * Word, weight += Vector)
            {
                var codes = Vector512.LoadAligned(weight);
                var (low, high) = (codes & mask, (codes.AsUInt16() >> 4).AsByte() & mask);
                e += Products(low, Four(input)) + Products(high, Four(input + Word));
                f += Products(low, Four(input + stride)) + Products(high, Four(input + stride + Word));
                g += Products(low, Four(input + (2 * stride))) + Products(high, Four(input + (2 * stride) + Word));
                h += Products(low, Four(input + (3 * stride))) + Products(high, Four(input + (3 * stride) + Word));
            }

            a += Widen(e);
            b += Widen(f);
            c += Widen(g);
            d += Widen(h);
        }

        return new() { A = a, B = b, C = c, D = d };
    }

    /// <summary>The products of a vector's first four columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Low(byte* weight, sbyte* input, int vector) =>
        Products(Vector512.LoadAligned(weight + (vector * Vector)) & Vector512.Create((byte)0x0F), Four(input + (2 * vector * Word)));

    /// <summary>The products of the four behind them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> High(byte* weight, sbyte* input, int vector) => Products(
        (Vector512.LoadAligned((ushort*)(weight + (vector * Vector))) >> 4).AsByte() & Vector512.Create((byte)0x0F), Four(input + (((2 * vector) + 1) * Word)));
}

/// <summary>Four columns in the lowest bits of a word's bytes, and so on.</summary>
internal readonly unsafe struct Codes2 : ITileCodes
{
    /// <summary>Words whose products fit into 16 bits when they are summed.</summary>
    private const int Summed = 8;

    public static int Bits => 2;

    public static int Zero => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Spread(Vector512<uint> words)
    {
        var low = Vector512.Create(0xFFu);
        return Quarter(words & low) | (Quarter((words >> 8) & low) << 2) | (Quarter((words >> 16) & low) << 4) | (Quarter(words >> 24) << 6);

        static Vector512<uint> Quarter(Vector512<uint> codes)
        {
            codes = (codes | (codes << 12)) & Vector512.Create(0x000F000Fu);
            return (codes | (codes << 6)) & Vector512.Create(0x03030303u);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Sum(byte* weight, sbyte* input, int columns)
    {
        var (total, mask) = (Vector512<int>.Zero, Vector512.Create((byte)0x03));
        for (var at = 0; at < columns;)
        {
            Vector512<short> even = default, odd = default;
            for (var end = Math.Min(columns, at + (Summed * 4 * Word)); at < end; at += 4 * Word, weight += Vector)
            {
                var codes = Vector512.LoadAligned(weight);
                var words = codes.AsUInt16();
                even += Products(codes & mask, Four(input + at)) + Products((words >> 4).AsByte() & mask, Four(input + at + (2 * Word)));
                odd += Products((words >> 2).AsByte() & mask, Four(input + at + Word)) + Products((words >> 6).AsByte() & mask, Four(input + at + (3 * Word)));
            }

            total += Widen(even) + Widen(odd);
        }

        return total;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FourSums SumFour(byte* weight, sbyte* input, nint stride, int columns) => new()
    {
        A = Sum(weight, input, columns), B = Sum(weight, input + stride, columns),
        C = Sum(weight, input + (2 * stride), columns), D = Sum(weight, input + (3 * stride), columns),
    };
}

/// <summary>Products of bytes, four of each row in a word.</summary>
internal static unsafe class TileProducts
{
    public const int Word = PackedTiles.Word, Vector = PackedTiles.Vector;

    /// <summary>Four inputs for each row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<sbyte> Four(sbyte* input) => Vector512.Create(*(int*)input).AsSByte();

    /// <summary>Sums of two products each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<short> Products(Vector512<byte> codes, Vector512<sbyte> input) => Avx512BW.IsSupported
        ? Avx512BW.MultiplyAddAdjacent(codes, input)
        : Vector512.Create(Avx2.MultiplyAddAdjacent(codes.GetLower(), input.GetLower()), Avx2.MultiplyAddAdjacent(codes.GetUpper(), input.GetUpper()));

    /// <summary>Sums of two each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Widen(Vector512<short> sums) => Avx512BW.IsSupported
        ? Avx512BW.MultiplyAddAdjacent(sums, Vector512<short>.One)
        : Vector512.Create(
            Avx2.MultiplyAddAdjacent(sums.GetLower(), Vector256<short>.One), Avx2.MultiplyAddAdjacent(sums.GetUpper(), Vector256<short>.One));
}
