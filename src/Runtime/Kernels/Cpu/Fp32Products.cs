using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// Small products in fp32 of matrices that lie in a core's caches, on one thread: four rows of four vectors at a time, whose sums stay in registers, so that
/// the multipliers wait for no load (Goto and van de Geijn 2008).
/// </summary>
internal static unsafe class Fp32Products
{
    private const int Rows = 4;

    /// <summary>C [m, n] = A · B, or C += A · B.</summary>
    /// <param name="a">[m, k]</param>
    /// <param name="aRow">Elements from a row of it to the next.</param>
    /// <param name="aColumn">Elements from a column of it to the next.</param>
    /// <param name="b">[k, n]</param>
    /// <param name="bRow">Elements from a row of it to the next.</param>
    /// <param name="c">[m, n]</param>
    /// <param name="cRow">Elements from a row of it to the next.</param>
    /// <param name="m">Rows.</param>
    /// <param name="n">Columns, a multiple of 16.</param>
    /// <param name="k">Products of a sum.</param>
    /// <param name="adds">Whether it is added to what is there.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(float* a, long aRow, long aColumn, float* b, long bRow, float* c, long cRow, long m, long n, long k, bool adds)
    {
        for (var j = 0L; j < n;)
        {
            var (left, i) = (n - j, 0L);
            var width = left >= 4 * Lanes.Count ? 4 : left >= 2 * Lanes.Count ? 2 : 1;
            for (; width > 1 && i + Rows <= m; i += Rows)
            {
                float* from = a + (i * aRow), to = c + (i * cRow) + j;
                if (width == 4) Four(from, aRow, aColumn, b + j, bRow, to, cRow, k, adds);
                else Two(from, aRow, aColumn, b + j, bRow, to, cRow, k, adds);
            }

            for (; i < m; i++)
                for (var vector = 0; vector < width; vector++)
                    Row(a + (i * aRow), aColumn, b + j + (vector * Lanes.Count), bRow, c + (i * cRow) + j + (vector * Lanes.Count), k, adds);
            j += width * Lanes.Count;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Four(float* a, long aRow, long aColumn, float* b, long bRow, float* c, long cRow, long k, bool adds)
    {
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        Vector512<float> c0 = default, c1 = default, c2 = default, c3 = default, d0 = default, d1 = default, d2 = default, d3 = default;
        float* second = a + aRow, third = second + aRow, fourth = third + aRow;
        for (var at = 0L; k > 0; k--, at += aColumn, b += bRow)
        {
            Vector512<float> x = Vector512.Load(b), y = Vector512.Load(b + 16), z = Vector512.Load(b + 32), w = Vector512.Load(b + 48);
            var factor = Vector512.Create(a[at]);
            a0 = Vector512.FusedMultiplyAdd(factor, x, a0);
            a1 = Vector512.FusedMultiplyAdd(factor, y, a1);
            a2 = Vector512.FusedMultiplyAdd(factor, z, a2);
            a3 = Vector512.FusedMultiplyAdd(factor, w, a3);
            factor = Vector512.Create(second[at]);
            b0 = Vector512.FusedMultiplyAdd(factor, x, b0);
            b1 = Vector512.FusedMultiplyAdd(factor, y, b1);
            b2 = Vector512.FusedMultiplyAdd(factor, z, b2);
            b3 = Vector512.FusedMultiplyAdd(factor, w, b3);
            factor = Vector512.Create(third[at]);
            c0 = Vector512.FusedMultiplyAdd(factor, x, c0);
            c1 = Vector512.FusedMultiplyAdd(factor, y, c1);
            c2 = Vector512.FusedMultiplyAdd(factor, z, c2);
            c3 = Vector512.FusedMultiplyAdd(factor, w, c3);
            factor = Vector512.Create(fourth[at]);
            d0 = Vector512.FusedMultiplyAdd(factor, x, d0);
            d1 = Vector512.FusedMultiplyAdd(factor, y, d1);
            d2 = Vector512.FusedMultiplyAdd(factor, z, d2);
            d3 = Vector512.FusedMultiplyAdd(factor, w, d3);
        }

        Store(c, a0, a1, adds);
        Store(c + 32, a2, a3, adds);
        c += cRow;
        Store(c, b0, b1, adds);
        Store(c + 32, b2, b3, adds);
        c += cRow;
        Store(c, c0, c1, adds);
        Store(c + 32, c2, c3, adds);
        c += cRow;
        Store(c, d0, d1, adds);
        Store(c + 32, d2, d3, adds);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Two(float* a, long aRow, long aColumn, float* b, long bRow, float* c, long cRow, long k, bool adds)
    {
        Vector512<float> a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default, d1 = default;
        float* second = a + aRow, third = second + aRow, fourth = third + aRow;
        for (var at = 0L; k > 0; k--, at += aColumn, b += bRow)
        {
            Vector512<float> x = Vector512.Load(b), y = Vector512.Load(b + 16);
            var factor = Vector512.Create(a[at]);
            a0 = Vector512.FusedMultiplyAdd(factor, x, a0);
            a1 = Vector512.FusedMultiplyAdd(factor, y, a1);
            factor = Vector512.Create(second[at]);
            b0 = Vector512.FusedMultiplyAdd(factor, x, b0);
            b1 = Vector512.FusedMultiplyAdd(factor, y, b1);
            factor = Vector512.Create(third[at]);
            c0 = Vector512.FusedMultiplyAdd(factor, x, c0);
            c1 = Vector512.FusedMultiplyAdd(factor, y, c1);
            factor = Vector512.Create(fourth[at]);
            d0 = Vector512.FusedMultiplyAdd(factor, x, d0);
            d1 = Vector512.FusedMultiplyAdd(factor, y, d1);
        }

        Store(c, a0, a1, adds);
        Store(c + cRow, b0, b1, adds);
        Store(c + (2 * cRow), c0, c1, adds);
        Store(c + (3 * cRow), d0, d1, adds);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row(float* a, long aColumn, float* b, long bRow, float* c, long k, bool adds)
    {
        // Two sums, so that one need not wait for the other.
        Vector512<float> even = default, odd = default;
        for (; k >= 2; k -= 2, a += 2 * aColumn, b += 2 * bRow)
        {
            even = Vector512.FusedMultiplyAdd(Vector512.Create(*a), Vector512.Load(b), even);
            odd = Vector512.FusedMultiplyAdd(Vector512.Create(a[aColumn]), Vector512.Load(b + bRow), odd);
        }

        if (k > 0) even = Vector512.FusedMultiplyAdd(Vector512.Create(*a), Vector512.Load(b), even);
        (adds ? Vector512.Load(c) + even + odd : even + odd).Store(c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* c, Vector512<float> first, Vector512<float> second, bool adds)
    {
        (adds ? Vector512.Load(c) + first : first).Store(c);
        (adds ? Vector512.Load(c + 16) + second : second).Store(c + 16);
    }
}
