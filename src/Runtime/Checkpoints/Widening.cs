using ModelCompiler.Runtime.Implementations;

namespace ModelCompiler.Runtime.Checkpoints;

/// <summary>
/// Brings a tensor of a checkpoint into fp32 memory in one pass over its bytes where they lie in the file's mapping: fp32 is
/// copied, bf16 and fp16 are widened exactly, 16 elements at a time, by all processors.
/// </summary>
internal static unsafe class Widening
{
    /// <summary>Elements that a thread takes at a time: large enough for the file system to read ahead.</summary>
    private const long Piece = 1 << 19;

    /// <summary>Columns of a strip and rows of a tile when transposing: what is written stays in the first cache.</summary>
    private const int Tile = 32;

    public static bool Takes(DType type) => type is DType.F32 or DType.BF16 or DType.F16;

    /// <summary>Widens <paramref name="count"/> elements.</summary>
    public static void Copy(DType type, void* source, float* destination, long count)
    {
        switch (type)
        {
            case DType.F32:
                Pieces(count, Piece, (start, length) =>
                    Buffer.MemoryCopy((float*)source + start, destination + start, length * sizeof(float), length * sizeof(float)));
                break;
            case DType.BF16:
                Copy((Bf16*)source, destination, count);
                break;
            case DType.F16:
                Copy((Fp16*)source, destination, count);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, null);
        }
    }

    /// <summary>Widens columns of a matrix and transposes them.</summary>
    /// <param name="type">Element type of the source.</param>
    /// <param name="source">[rows, stride]</param>
    /// <param name="stride">Elements of a row of the source.</param>
    /// <param name="column">The first column.</param>
    /// <param name="destination">[columns, rows]</param>
    /// <param name="rows">Rows of the source.</param>
    /// <param name="columns">Number of columns.</param>
    public static void Transpose(DType type, void* source, long stride, long column, float* destination, long rows, long columns)
    {
        switch (type)
        {
            case DType.F32:
                Transpose((Fp32*)source + column, stride, destination, rows, columns);
                break;
            case DType.BF16:
                Transpose((Bf16*)source + column, stride, destination, rows, columns);
                break;
            case DType.F16:
                Transpose((Fp16*)source + column, stride, destination, rows, columns);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, null);
        }
    }

    private static void Copy<T>(T* source, float* destination, long count)
        where T : unmanaged, IElement<T> =>
        Pieces(count, Piece, (start, length) =>
        {
            for (var i = 0L; i < length; i += Lanes.Count)
                Lanes.Store((Fp32*)destination + start, i, length, Lanes.Load(source + start, i, length));
        });

    private static void Transpose<T>(T* source, long stride, float* destination, long rows, long columns)
        where T : unmanaged, IElement<T> =>
        Pieces(rows, Tile, (start, length) =>
        {
            var tile = stackalloc float[Tile * Tile];
            for (var first = 0L; first < columns; first += Tile)
            {
                var width = Math.Min(Tile, columns - first);
                for (var row = 0L; row < length; row++)
                {
                    var from = source + ((start + row) * stride) + first;
                    for (var i = 0L; i < width; i += Lanes.Count)
                        Lanes.Store((Fp32*)tile + (row * Tile), i, width, Lanes.Load(from, i, width));
                }

                for (var i = 0L; i < width; i++)
                {
                    var to = destination + ((first + i) * rows) + start;
                    for (var row = 0L; row < length; row++)
                        to[row] = tile[(row * Tile) + i];
                }
            }
        });

    private static void Pieces(long count, long piece, Action<long, long> each)
    {
        var pieces = (count + piece - 1) / piece;
        if (pieces == 1)
            each(0, count);
        else
            Parallel.For(0, pieces, i => each(i * piece, Math.Min(piece, count - (i * piece))));
    }
}
