using System.Buffers;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Implementations;

namespace ModelCompiler.Runtime.Checkpoints;

/// <summary>
/// Brings a tensor of a checkpoint into fp32 memory in one pass over its file, by all processors: fp32 is read to where it belongs, bf16
/// and fp16 are widened exactly, 16 elements at a time, from buffers that stay in a processor's cache.
/// </summary>
internal static unsafe class Widening
{
    /// <summary>Elements that a thread reads at a time.</summary>
    private const long Piece = 1 << 18;

    /// <summary>Rows that a thread transposes at a time: what it reads stays in the second cache.</summary>
    private const int Strip = 32;

    public static bool Takes(DType type) => type is DType.F32 or DType.BF16 or DType.F16;

    /// <summary>Widens elements that follow each other.</summary>
    /// <param name="source">The tensor.</param>
    /// <param name="first">Its first element.</param>
    /// <param name="destination">fp32 [count]</param>
    /// <param name="count">Number of elements.</param>
    public static void Copy(TensorBytes source, long first, float* destination, long count)
    {
        switch (source.Entry.Type)
        {
            case DType.F32:
                Pieces(count, Piece, (start, length) => source.Read((first + start) * sizeof(float), new Span<byte>(destination + start, (int)length * sizeof(float))));
                break;
            case DType.BF16:
                Copy<Bf16>(source, first, destination, count);
                break;
            case DType.F16:
                Copy<Fp16>(source, first, destination, count);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(source), source.Entry.Type, null);
        }
    }

    /// <summary>Widens a matrix [rows, columns] and transposes strips of its columns.</summary>
    /// <param name="source">The tensor.</param>
    /// <param name="strips">The number of columns of each and where they go, fp32 [columns, rows]; together all columns.</param>
    public static void Transpose(TensorBytes source, IReadOnlyList<(long Columns, nint Destination)> strips)
    {
        switch (source.Entry.Type)
        {
            case DType.F32:
                Transpose<Fp32>(source, strips);
                break;
            case DType.BF16:
                Transpose<Bf16>(source, strips);
                break;
            case DType.F16:
                Transpose<Fp16>(source, strips);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(source), source.Entry.Type, null);
        }
    }

    private static void Copy<T>(TensorBytes source, long first, float* destination, long count)
        where T : unmanaged, IElement<T> =>
        Pieces(count, Piece, (start, length) => Read<T>(source, first + start, length, from =>
        {
            var to = destination + start;
            var whole = 0L;
            if ((nint)to % sizeof(Vector512<float>) == 0)
            {
                // Past the caches: the weights are not read again soon, and a store through them would first read what it overwrites.
                whole = length / Lanes.Count * Lanes.Count;
                for (var i = 0L; i < whole; i += Lanes.Count)
                    T.Load((T*)from + i).StoreAlignedNonTemporal(to + i);
                Thread.MemoryBarrier();
            }

            for (var i = whole; i < length; i += Lanes.Count)
                Lanes.Store((Fp32*)to, i, length, Lanes.Load((T*)from, i, length));
        }));

    private static void Transpose<T>(TensorBytes source, IReadOnlyList<(long Columns, nint Destination)> strips)
        where T : unmanaged, IElement<T>
    {
        var (rows, stride) = (source.Entry.Shape[0], source.Entry.Shape[1]);
        Pieces(rows, Strip, (start, length) => Read<T>(source, start * stride, length * stride, from =>
        {
            var column = 0L;
            foreach (var (columns, destination) in strips)
            {
                Transposition.Run((T*)from + column, stride, length, columns, (float*)destination + start, rows);
                column += columns;
            }
        }));
    }

    /// <summary>Reads elements into a buffer for the time of a call.</summary>
    private static void Read<T>(TensorBytes source, long first, long count, Action<nint> use)
        where T : unmanaged, IElement<T>
    {
        var bytes = checked((int)(count * sizeof(T)));
        var buffer = ArrayPool<byte>.Shared.Rent(bytes);
        try
        {
            source.Read(first * sizeof(T), buffer.AsSpan(0, bytes));
            fixed (byte* from = buffer)
                use((nint)from);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Hands out pieces in their order, so that the file is read from its start to its end.</summary>
    private static void Pieces(long count, long piece, Action<long, long> each)
    {
        var pieces = (count + piece - 1) / piece;
        var next = -1L;
        void Work()
        {
            for (long i; (i = Interlocked.Increment(ref next)) < pieces;)
                each(i * piece, Math.Min(piece, count - (i * piece)));
        }

        var workers = (int)Math.Min(pieces, Environment.ProcessorCount);
        if (workers == 1)
            Work();
        else
            Parallel.For(0, workers, _ => Work());
    }
}
