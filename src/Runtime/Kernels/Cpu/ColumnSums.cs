using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// Sums over rows on the CPU: gradients of biases and of the parameters of norms. Each thread owns blocks of rows or of
/// columns, so the order of a sum does not depend on the number of threads.
/// </summary>
internal static unsafe class ColumnSums
{
    private const int RowsPerBlock = 128;
    private const int Columns = 4 * Lanes.Count;

    /// <summary>The sum of each column of a matrix.</summary>
    /// <param name="dy">[N, M]</param>
    /// <param name="accumulate">Add to <paramref name="sums"/>.</param>
    /// <param name="sums">fp32 [M]</param>
    public static void Sum(Tensor dy, bool accumulate, Tensor sums)
    {
        if (Cpu.IsBf16(dy)) Sum<Bf16>(dy, accumulate, sums);
        else if (Cpu.IsFp16(dy)) Sum<Fp16>(dy, accumulate, sums);
        else Sum<Fp32>(dy, accumulate, sums);
    }

    /// <summary>Adds up partial sums that lie <paramref name="stride"/> floats apart.</summary>
    public static void Reduce(float* partials, long count, long stride, long width, bool accumulate, float* sums)
    {
        var into = (Fp32*)sums;
        for (var i = 0L; i < width; i += Lanes.Count)
        {
            var total = accumulate ? Lanes.Load(into, i, width) : Vector512<float>.Zero;
            for (var block = 0L; block < count; block++) total += Lanes.Load((Fp32*)(partials + (block * stride)), i, width);
            Lanes.Store(into, i, width, total);
        }
    }

    private static void Sum<T>(Tensor dy, bool accumulate, Tensor sums)
        where T : unmanaged, IElement<T>
    {
        Sum((T*)Cpu.Pointer(dy), dy.size(0), dy.size(1), accumulate, sums);
    }

    /// <summary>The sum of each column of contiguous rows.</summary>
    public static void Sum<T>(T* dy, long rows, long width, bool accumulate, Tensor sums)
        where T : unmanaged, IElement<T>
    {
        var blocks = (rows + RowsPerBlock - 1) / RowsPerBlock;
        var partials = Cpu.Floats(Scratch.Rent(ScalarType.Float32, blocks * width));
        Threads.For(blocks, Math.Max(1, Cpu.RowGrain(width) / RowsPerBlock), new Blocks<T>
        {
            Source = dy, Partials = partials, Rows = rows, Width = width,
        });
        Reduce(partials, blocks, width, width, accumulate, Cpu.Floats(sums));
    }

    private struct Blocks<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* Source;
        public float* Partials;
        public long Rows, Width;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var block = begin; block < end; block++)
            {
                var (first, last) = (block * RowsPerBlock, Math.Min(Rows, (block + 1) * RowsPerBlock));
                var into = (Fp32*)(Partials + (block * Width));
                for (var column = 0L; column < Width; column += Columns)
                {
                    var (a, b, c, d) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
                    for (var row = first; row < last; row++)
                    {
                        var source = Source + (row * Width);
                        a += Load(source, column);
                        b += Load(source, column + Lanes.Count);
                        c += Load(source, column + (2 * Lanes.Count));
                        d += Load(source, column + (3 * Lanes.Count));
                    }

                    Store(into, column, a);
                    Store(into, column + Lanes.Count, b);
                    Store(into, column + (2 * Lanes.Count), c);
                    Store(into, column + (3 * Lanes.Count), d);
                }
            }
        }

        private readonly Vector512<float> Load(T* source, long column) =>
            column < Width ? Lanes.Load(source, column, Width) : Vector512<float>.Zero;

        private readonly void Store(Fp32* into, long column, Vector512<float> value)
        {
            if (column < Width) Lanes.Store(into, column, Width, value);
        }
    }
}
