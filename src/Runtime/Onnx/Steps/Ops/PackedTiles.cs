using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ModelCompiler.Runtime.Onnx.Linears;

namespace ModelCompiler.Runtime.Onnx.Steps.Ops;

/// <summary>
/// Weights of few bits in the order in which a product reads them: by 16 rows and group the scales, the scales times the zero points, and the
/// codes, four columns of each row in a word, 8 / bits such words in one.
/// </summary>
internal sealed unsafe class PackedTiles
{
    private const int Tile = 16, Word = sizeof(int), Vector = 64;

    /// <summary>Words whose products fit into 16 bits when they are summed: of codes below 16, 2 · 15 · 127 · 8 is less than 2¹⁵.</summary>
    private const int Summed = 8;

    /// <summary>The code of zero among bytes of 7 bits, and how many columns of them an input is rounded by.</summary>
    private const int Middle = 64, InputGroup = 64;

    private readonly byte* _stream;
    private readonly int _bits;

    private PackedTiles(StepWeights weights, int inputs, int rows, int bits, int group)
    {
        (Inputs, Rows, _bits, Group) = (inputs, rows, bits, group);
        (Groups, Outputs) = ((inputs + group - 1) / group, (rows + Tile - 1) / Tile * Tile);
        _stream = weights.Allocate<byte>((long)(Outputs / Tile) * Groups * GroupBytes);
    }

    /// <summary>Columns that a scale is for.</summary>
    public int Group { get; }

    public int Groups { get; }

    /// <summary>Columns that there are.</summary>
    public int Inputs { get; }

    /// <summary>The same, filled up to whole groups.</summary>
    public int Columns => Groups * Group;

    public int Rows { get; }

    /// <summary>Rows, filled up to whole vectors.</summary>
    public int Outputs { get; }

    /// <summary>Columns of a row that one vector of codes holds.</summary>
    private int Step => Word * 8 / _bits;

    private int GroupBytes => (2 * Vector) + (Group / Step * Vector);

    /// <param name="codes">[rows, groups, group · bits / 8]</param>
    /// <param name="scales">[rows, groups]</param>
    /// <param name="zeros">[rows, bytes of groups], or empty where they are the middle.</param>
    public static PackedTiles OfGroups(
        StepWeights weights, ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, ReadOnlySpan<byte> zeros, int inputs, int rows, int bits, int group)
    {
        var tiles = new PackedTiles(weights, inputs, rows, bits, group);
        var (groups, middle) = (tiles.Groups, 1 << (bits - 1));
        var (rowBytes, zeroBytes) = (PackedCodes.Bytes(tiles.Columns, bits), PackedCodes.Bytes(groups, bits));
        for (var row = 0; row < rows; row++)
        {
            for (var part = 0; part < groups; part++)
                tiles.SetScale(row, part, scales[(row * groups) + part], zeros.IsEmpty ? middle : PackedCodes.At(zeros[(row * zeroBytes)..], part, bits));
            for (var column = 0; column < tiles.Columns; column++) tiles.SetCode(row, column, PackedCodes.At(codes[(row * rowBytes)..], column, bits));
        }

        return tiles;
    }

    /// <summary>Whether two products of bytes and an input fit into 16 bits when they are summed: bytes of 7 bits do.</summary>
    public static bool Holds(ReadOnlySpan<sbyte> codes)
    {
        foreach (var code in codes)
            if (code is < -Middle or >= Middle) return false;
        return true;
    }

    /// <param name="codes">[inputs, rows], of 7 bits.</param>
    /// <param name="scales">[rows], or one.</param>
    public static PackedTiles OfBytes(StepWeights weights, ReadOnlySpan<sbyte> codes, ReadOnlySpan<float> scales, int inputs, int rows)
    {
        // A row has one scale; its groups are those in which the input is rounded.
        var tiles = new PackedTiles(weights, inputs, rows, bits: 8, InputGroup);
        for (var row = 0; row < rows; row++)
        {
            for (var part = 0; part < tiles.Groups; part++) tiles.SetScale(row, part, scales[scales.Length == 1 ? 0 : row], Middle);
            for (var column = 0; column < inputs; column++) tiles.SetCode(row, column, codes[(column * rows) + row] + Middle);
        }

        return tiles;
    }

    /// <summary>The products with an input.</summary>
    /// <param name="codes">[columns], from −127 to 127.</param>
    /// <param name="scales">Of each group its scale, and its sum times that.</param>
    /// <param name="y">[outputs]</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Multiply(sbyte* codes, float* scales, float* y)
    {
        var weight = _stream;
        for (var tile = 0; tile < Outputs; tile += Tile)
        {
            var sum = Vector512<float>.Zero;
            for (var group = 0; group < Groups; group++)
            {
                Vector512<float> scale = Vector512.LoadAligned((float*)weight), zero = Vector512.LoadAligned((float*)(weight + Vector));
                weight += 2 * Vector;
                var input = codes + (group * Group);
                var product = _bits switch { 4 => Sum4(weight, input, Group), 2 => Sum2(weight, input), _ => Sum8(weight, input, Group) };
                weight += Group / Step * Vector;
                sum = Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(product) * Vector512.Create(scales[2 * group]), scale, sum);
                sum -= zero * Vector512.Create(scales[(2 * group) + 1]);
            }

            sum.StoreAligned(y + tile);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Sum8(byte* weight, sbyte* input, int columns)
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
    private static Vector512<int> Sum4(byte* weight, sbyte* input, int columns)
    {
        var (total, mask) = (Vector512<int>.Zero, Vector512.Create((byte)0x0F));
        while (columns > 0)
        {
            Vector512<short> a = default, b = default, c = default, d = default;
            var count = Math.Min(columns, Summed * 2 * Word);
            columns -= count;
            for (var end = input + count; input < end; input += 4 * Word, weight += 2 * Vector)
            {
                Vector512<byte> first = Vector512.LoadAligned(weight), second = Vector512.LoadAligned(weight + Vector);
                a += Products(first & mask, Four(input));
                b += Products((first.AsUInt16() >> 4).AsByte() & mask, Four(input + Word));
                c += Products(second & mask, Four(input + (2 * Word)));
                d += Products((second.AsUInt16() >> 4).AsByte() & mask, Four(input + (3 * Word)));
            }

            total += Widen(a + c) + Widen(b + d);
        }

        return total;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector512<int> Sum2(byte* weight, sbyte* input)
    {
        var (total, mask) = (Vector512<int>.Zero, Vector512.Create((byte)0x03));
        for (var at = 0; at < Group;)
        {
            Vector512<short> even = default, odd = default;
            for (var end = Math.Min(Group, at + (Summed * 4 * Word)); at < end; at += 4 * Word, weight += Vector)
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

    /// <summary>Four inputs for each row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<sbyte> Four(sbyte* input) => Vector512.Create(*(int*)input).AsSByte();

    /// <summary>Sums of two products each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Products(Vector512<byte> codes, Vector512<sbyte> input) => Avx512BW.IsSupported
        ? Avx512BW.MultiplyAddAdjacent(codes, input)
        : Vector512.Create(Avx2.MultiplyAddAdjacent(codes.GetLower(), input.GetLower()), Avx2.MultiplyAddAdjacent(codes.GetUpper(), input.GetUpper()));

    /// <summary>Sums of two each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Widen(Vector512<short> sums) => Avx512BW.IsSupported
        ? Avx512BW.MultiplyAddAdjacent(sums, Vector512<short>.One)
        : Vector512.Create(
            Avx2.MultiplyAddAdjacent(sums.GetLower(), Vector256<short>.One), Avx2.MultiplyAddAdjacent(sums.GetUpper(), Vector256<short>.One));

    private void SetScale(int row, int group, float scale, int zero)
    {
        var values = (float*)Start(row, group);
        (values[row % Tile], values[Tile + (row % Tile)]) = (scale, scale * zero);
    }

    private void SetCode(int row, int column, int code)
    {
        var (step, within) = (column % Group / Step, column % Step);
        Start(row, column / Group)[(2 * Vector) + (step * Vector) + (row % Tile * Word) + (within % Word)] |= (byte)(code << (within / Word * _bits));
    }

    private byte* Start(int row, int group) => _stream + (((row / Tile * Groups) + group) * (long)GroupBytes);
}
