using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ModelCompiler.Runtime.Onnx.Linears;

namespace ModelCompiler.Runtime.Onnx.Steps.Ops;

/// <summary>What a matrix in few bits consists of.</summary>
/// <param name="Inputs">Columns.</param>
/// <param name="Rows">Outputs.</param>
/// <param name="Group">Columns by which an input is rounded.</param>
internal readonly record struct PackedShape(int Inputs, int Rows, int Group)
{
    public int Groups => (Inputs + Group - 1) / Group;

    /// <summary>Filled up to whole groups.</summary>
    public int Columns => Groups * Group;
}

/// <summary>Weights of few bits in the order in which a product reads them.</summary>
internal unsafe interface IPackedTiles
{
    PackedShape Shape { get; }

    /// <summary>Of a code.</summary>
    int Bits { get; }

    /// <summary>Tiles, each of <see cref="PackedTiles.Rows"/> rows; of the last some may be empty.</summary>
    int Count { get; }

    long Bytes { get; }

    /// <summary>The products of some tiles with an input.</summary>
    /// <param name="codes">[columns], from −127 to 127.</param>
    /// <param name="scales">Of each group its scale, and its sum times that.</param>
    /// <param name="y">[outputs]</param>
    /// <param name="first">Tile.</param>
    /// <param name="end">Tile.</param>
    void Multiply(sbyte* codes, float* scales, float* y, int first, int end);

    /// <summary>The same of four tokens, to the same bits.</summary>
    /// <param name="stride">Floats from one token's values to the next one's.</param>
    void MultiplyFour(sbyte* codes, float* scales, float* y, nint stride, int first, int end);
}

/// <summary>Makes tiles of the weights of an export.</summary>
internal static unsafe class PackedTiles
{
    public const int Rows = 16;

    internal const int Word = sizeof(int), Vector = Rows * Word;

    /// <summary>The code of zero among bytes of 7 bits, and how many columns of them an input is rounded by.</summary>
    private const int Middle = Codes8.Middle, InputGroup = 64;

    /// <param name="memory">Where they go.</param>
    /// <param name="codes">[rows, groups, group · bits / 8]</param>
    /// <param name="scales">[rows, groups]</param>
    /// <param name="zeros">[rows, bytes of groups], or null where they are the middle.</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="rows">Outputs.</param>
    /// <param name="bits">4 or 2.</param>
    /// <param name="group">Columns that have a scale.</param>
    public static IPackedTiles OfGroups(StepWeights memory, byte* codes, float* scales, byte* zeros, int inputs, int rows, int bits, int group)
    {
        var shape = new PackedShape(inputs, rows, group);
        return (bits, zeros is null) switch
        {
            (4, true) => PackedTiles<Codes4, GroupScales<Codes4>>.OfGroups(memory, shape, codes, scales, zeros),
            (4, false) => PackedTiles<Codes4, GroupZeros>.OfGroups(memory, shape, codes, scales, zeros),
            (_, true) => PackedTiles<Codes2, GroupScales<Codes2>>.OfGroups(memory, shape, codes, scales, zeros),
            (_, false) => PackedTiles<Codes2, GroupZeros>.OfGroups(memory, shape, codes, scales, zeros),
        };
    }

    /// <summary>Whether two products of bytes and an input fit into 16 bits when they are summed: bytes of 7 bits do.</summary>
    public static bool Holds(ReadOnlySpan<sbyte> codes) => !codes.ContainsAnyExceptInRange((sbyte)-Middle, (sbyte)(Middle - 1));

    /// <param name="memory">Where they go.</param>
    /// <param name="codes">[inputs, rows], of 7 bits.</param>
    /// <param name="scales">[rows], or one.</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="rows">Outputs.</param>
    public static IPackedTiles OfBytes(StepWeights memory, sbyte* codes, ReadOnlySpan<float> scales, int inputs, int rows) =>
        PackedTiles<Codes8, RowScales>.OfBytes(memory, new(inputs, rows, InputGroup), codes, scales.ToArray());
}

/// <summary>
/// By 16 rows and group the scales, then the codes: four columns of each row in a word, 8 / bits such words in one, so that no lane is summed with another.
/// </summary>
internal sealed unsafe class PackedTiles<TCodes, TScales> : IPackedTiles
    where TCodes : struct, ITileCodes
    where TScales : struct, ITileScales
{
    private const int Rows = PackedTiles.Rows, Word = PackedTiles.Word, Vector = PackedTiles.Vector;

    private readonly byte* _stream;
    private readonly long _tileBytes;
    private readonly int _codeBytes;

    private PackedTiles(StepWeights memory, PackedShape shape)
    {
        (Shape, Count) = (shape, (shape.Rows + Rows - 1) / Rows);
        _codeBytes = shape.Group * TCodes.Bits / 8 * Rows;
        _tileBytes = (TScales.OfRow * Vector) + (shape.Groups * (long)((TScales.OfGroup * Vector) + _codeBytes));
        _stream = memory.Allocate<byte>(Bytes);
    }

    public PackedShape Shape { get; }

    public int Bits => TCodes.Bits;

    public int Count { get; }

    public long Bytes => Count * _tileBytes;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Multiply(sbyte* codes, float* scales, float* y, int first, int end)
    {
        var (groups, group, codeBytes) = (Shape.Groups, Shape.Group, _codeBytes);
        var weight = _stream + (first * _tileBytes);
        for (var tile = first; tile < end; tile++)
        {
            var sum = Vector512<float>.Zero;
            var ofRows = weight;
            weight += TScales.OfRow * Vector;
            for (var part = 0; part < groups; part++)
            {
                var ofGroup = weight;
                weight += TScales.OfGroup * Vector;
                var product = Vector512.ConvertToSingle(TCodes.Sum(weight, codes + (part * group), group));
                weight += codeBytes;
                sum = TScales.Add(sum, product, scales[2 * part], scales[(2 * part) + 1], ofGroup);
            }

            TScales.End(sum, ofRows).StoreAligned(y + (tile * Rows));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void MultiplyFour(sbyte* codes, float* scales, float* y, nint stride, int first, int end)
    {
        var (groups, group, codeBytes) = (Shape.Groups, Shape.Group, _codeBytes);
        float* scalesB = scales + stride, scalesC = scalesB + stride, scalesD = scalesC + stride;
        var weight = _stream + (first * _tileBytes);
        for (var tile = first; tile < end; tile++)
        {
            Vector512<float> a = default, b = default, c = default, d = default;
            var ofRows = weight;
            weight += TScales.OfRow * Vector;
            for (var part = 0; part < groups; part++)
            {
                var ofGroup = weight;
                weight += TScales.OfGroup * Vector;
                var products = TCodes.SumFour(weight, codes + (part * group), stride * sizeof(float), group);
                weight += codeBytes;
                a = TScales.Add(a, Vector512.ConvertToSingle(products.A), scales[2 * part], scales[(2 * part) + 1], ofGroup);
                b = TScales.Add(b, Vector512.ConvertToSingle(products.B), scalesB[2 * part], scalesB[(2 * part) + 1], ofGroup);
                c = TScales.Add(c, Vector512.ConvertToSingle(products.C), scalesC[2 * part], scalesC[(2 * part) + 1], ofGroup);
                d = TScales.Add(d, Vector512.ConvertToSingle(products.D), scalesD[2 * part], scalesD[(2 * part) + 1], ofGroup);
            }

            var to = y + (tile * Rows);
            TScales.End(a, ofRows).StoreAligned(to);
            TScales.End(b, ofRows).StoreAligned(to + stride);
            TScales.End(c, ofRows).StoreAligned(to + (2 * stride));
            TScales.End(d, ofRows).StoreAligned(to + (3 * stride));
        }
    }

    public static PackedTiles<TCodes, TScales> OfGroups(StepWeights memory, PackedShape shape, byte* codes, float* scales, byte* zeros)
    {
        var tiles = new PackedTiles<TCodes, TScales>(memory, shape);
        Parallel.For(0, tiles.Count, tile => tiles.SetGroups(tile, codes, scales, zeros));
        return tiles;
    }

    public static PackedTiles<TCodes, TScales> OfBytes(StepWeights memory, PackedShape shape, sbyte* codes, float[] scales)
    {
        var tiles = new PackedTiles<TCodes, TScales>(memory, shape);
        const int together = 4; // whose rows share a line of the cache
        Parallel.For(0, (tiles.Count + together - 1) / together, some =>
        {
            var (begin, end) = (some * together, Math.Min(tiles.Count, (some + 1) * together));
            for (var tile = begin; tile < end; tile++) tiles.SetRowScales(tile, scales);
            tiles.SetBytes(begin, end, codes);
        });
        return tiles;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // run once, for long
    private void SetGroups(int tile, byte* codes, float* scales, byte* zeros)
    {
        var (first, rows, rowBytes) = (tile * Rows, Math.Min(Rows, Shape.Rows - (tile * Rows)), Shape.Columns * TCodes.Bits / 8);
        var zeroBytes = PackedCodes.Bytes(Shape.Groups, TCodes.Bits);
        var words = stackalloc uint[Rows];
        var to = _stream + (tile * _tileBytes);
        for (var group = 0; group < Shape.Groups; group++)
        {
            for (var row = 0; row < rows; row++)
            {
                var zero = zeros is null ? TCodes.Zero : PackedCodes.At(new(zeros + ((first + row) * (long)zeroBytes), zeroBytes), group, TCodes.Bits);
                TScales.Set((float*)to, row, scales[((first + row) * (long)Shape.Groups) + group], zero);
            }

            to += TScales.OfGroup * Vector;
            var from = codes + (first * (long)rowBytes) + (group * (rowBytes / Shape.Groups));
            for (var end = to + _codeBytes; to < end; to += Vector, from += Word)
            {
                for (var row = 0; row < rows; row++) words[row] = Unsafe.ReadUnaligned<uint>(from + (row * (long)rowBytes));
                TCodes.Spread(Vector512.Load(words)).StoreAligned((uint*)to);
            }
        }
    }

    private void SetRowScales(int tile, float[] scales)
    {
        var first = tile * Rows;
        for (var row = 0; row < Math.Min(Rows, Shape.Rows - first); row++)
            TScales.Set((float*)(_stream + (tile * _tileBytes)), row, scales[scales.Length == 1 ? 0 : first + row], 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void SetBytes(int begin, int end, sbyte* codes)
    {
        for (var column = 0; column < Shape.Columns; column += Word)
        {
            var columns = Math.Min(Word, Shape.Inputs - column);
            for (var tile = begin; tile < end; tile++)
            {
                var rows = Math.Min(Rows, Shape.Rows - (tile * Rows));
                var from = codes + (column * (long)Shape.Rows) + (tile * Rows);
                var to = _stream + (tile * _tileBytes) + (TScales.OfRow * Vector) + (column / Word * Vector);
                if (rows == Rows && columns == Word)
                {
                    Turn((byte*)from, Shape.Rows, to);
                    continue;
                }

                for (var within = 0; within < columns; within++)
                    for (var row = 0; row < rows; row++) to[(row * Word) + within] = (byte)(from[(within * (long)Shape.Rows) + row] + Codes8.Middle);
            }
        }
    }

    /// <summary>Four columns of 16 rows into a word of each row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Turn(byte* from, long stride, byte* to)
    {
        var middle = Vector128.Create((byte)Codes8.Middle);
        Vector128<byte> a = Vector128.Load(from) + middle, b = Vector128.Load(from + stride) + middle;
        Vector128<byte> c = Vector128.Load(from + (2 * stride)) + middle, d = Vector128.Load(from + (3 * stride)) + middle;
        Vector128<ushort> lowAb = Sse2.UnpackLow(a, b).AsUInt16(), highAb = Sse2.UnpackHigh(a, b).AsUInt16();
        Vector128<ushort> lowCd = Sse2.UnpackLow(c, d).AsUInt16(), highCd = Sse2.UnpackHigh(c, d).AsUInt16();
        Sse2.UnpackLow(lowAb, lowCd).Store((ushort*)to);
        Sse2.UnpackHigh(lowAb, lowCd).Store((ushort*)(to + 16));
        Sse2.UnpackLow(highAb, highCd).Store((ushort*)(to + 32));
        Sse2.UnpackHigh(highAb, highCd).Store((ushort*)(to + 48));
    }
}
