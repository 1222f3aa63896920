using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>The sum of squares on the CPU, in pieces of fixed length, so that it does not depend on the number of threads.</summary>
internal static unsafe class SquaredSum
{
    private const long Piece = 16 * 1024;

    /// <summary>Number of pieces of a sum over so many elements.</summary>
    public static long Partials(long length) => (length + Piece - 1) / Piece;

    /// <param name="x">The first element.</param>
    /// <param name="length">Number of elements.</param>
    /// <param name="partials">Working memory: <see cref="Partials"/> numbers.</param>
    public static double Of(float* x, long length, double* partials)
    {
        var count = Partials(length);
        Threads.For(count, 1, new Pieces { X = (Fp32*)x, Sums = partials, Length = length });
        var sum = 0.0;
        for (var i = 0L; i < count; i++) sum += partials[i];
        return sum;
    }

    private struct Pieces : IRange
    {
        public Fp32* X;
        public double* Sums;
        public long Length;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var piece = begin; piece < end; piece++)
            {
                var (a, b) = (Vector512<float>.Zero, Vector512<float>.Zero);
                var stop = Math.Min(Length, (piece + 1) * Piece);
                for (var i = piece * Piece; i < stop; i += 2 * Lanes.Count)
                {
                    var x = Lanes.Load(X, i, Length);
                    a = Vector512.FusedMultiplyAdd(x, x, a);
                    if (i + Lanes.Count >= stop) break;
                    var y = Lanes.Load(X, i + Lanes.Count, Length);
                    b = Vector512.FusedMultiplyAdd(y, y, b);
                }

                Sums[piece] = Vector512.Sum(a + b);
            }
        }
    }
}
