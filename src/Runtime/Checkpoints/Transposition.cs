using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ModelCompiler.Runtime.Implementations;

namespace ModelCompiler.Runtime.Checkpoints;

/// <summary>Widens and transposes matrices in memory, by tiles of 16 × 16.</summary>
internal static unsafe class Transposition
{
    private const int Side = Lanes.Count;

    /// <summary>Transposes rows [rows, columns] to fp32 [columns, rows].</summary>
    /// <param name="from">The first row.</param>
    /// <param name="stride">Elements from a row to the next one.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="to">Where the first column goes.</param>
    /// <param name="toStride">Elements from there to where the next column goes.</param>
    public static void Run<T>(T* from, long stride, long rows, long columns, float* to, long toStride)
        where T : unmanaged, IElement<T>
    {
        // Past the caches: the weights are not read again soon, and a store through them would first read what it overwrites.
        var isAligned = (nint)to % sizeof(Vector512<float>) == 0 && toStride % Side == 0;
        var tile = stackalloc Vector512<float>[2 * Side];
        for (var column = 0L; column < columns; column += Side)
        {
            var width = Math.Min(Side, columns - column);
            for (var row = 0L; row < rows; row += Side)
            {
                var height = Math.Min(Side, rows - row);
                for (var i = 0L; i < Side; i++)
                    tile[i] = i < height ? Lanes.Load(from + ((row + i) * stride), column, columns) : Vector512<float>.Zero;
                Transpose(tile, tile + Side);
                var into = to + (column * toStride) + row;
                for (var i = 0L; i < width; i++, into += toStride)
                {
                    if (isAligned && height == Side)
                        tile[i].StoreAlignedNonTemporal(into);
                    else
                        Lanes.Store((Fp32*)into, 0, height, tile[i]);
                }
            }
        }

        Thread.MemoryBarrier();
    }

    /// <summary>Transposes a tile in place.</summary>
    /// <param name="tile">[16]</param>
    /// <param name="scratch">[16]</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(Vector512<float>* tile, Vector512<float>* scratch)
    {
        if (!Avx512F.IsSupported)
        {
            float* values = (float*)tile, turned = (float*)scratch;
            for (var i = 0; i < Side * Side; i++)
                turned[(i % Side * Side) + (i / Side)] = values[i];
            new Span<Vector512<float>>(scratch, Side).CopyTo(new(tile, Side));
            return;
        }

        // Pairs of rows, then of pairs: each quarter of a vector has four rows of one column.
        for (var i = 0; i < Side; i += 2)
            (scratch[i], scratch[i + 1]) = (Avx512F.UnpackLow(tile[i], tile[i + 1]), Avx512F.UnpackHigh(tile[i], tile[i + 1]));
        for (var i = 0; i < Side; i += 4)
        {
            var (a, b, c, d) = (scratch[i].AsDouble(), scratch[i + 1].AsDouble(), scratch[i + 2].AsDouble(), scratch[i + 3].AsDouble());
            (tile[i], tile[i + 1]) = (Avx512F.UnpackLow(a, c).AsSingle(), Avx512F.UnpackHigh(a, c).AsSingle());
            (tile[i + 2], tile[i + 3]) = (Avx512F.UnpackLow(b, d).AsSingle(), Avx512F.UnpackHigh(b, d).AsSingle());
        }

        // Quarters 0 and 2, and 1 and 3, of eight rows; then each quarter of all sixteen.
        const byte Even = 0x88, Odd = 0xDD;
        for (var i = 0; i < 4; i++)
        {
            var (a, b, c, d) = (tile[i], tile[i + 4], tile[i + 8], tile[i + 12]);
            var (even, odd) = (Avx512F.Shuffle4x128(a, b, Even), Avx512F.Shuffle4x128(a, b, Odd));
            var (laterEven, laterOdd) = (Avx512F.Shuffle4x128(c, d, Even), Avx512F.Shuffle4x128(c, d, Odd));
            (tile[i], tile[i + 8]) = (Avx512F.Shuffle4x128(even, laterEven, Even), Avx512F.Shuffle4x128(even, laterEven, Odd));
            (tile[i + 4], tile[i + 12]) = (Avx512F.Shuffle4x128(odd, laterOdd, Even), Avx512F.Shuffle4x128(odd, laterOdd, Odd));
        }
    }
}
