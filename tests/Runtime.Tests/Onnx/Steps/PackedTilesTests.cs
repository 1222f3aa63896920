using ModelCompiler.Runtime.Onnx.Linears;
using ModelCompiler.Runtime.Onnx.Steps;
using ModelCompiler.Runtime.Onnx.Steps.Ops;

namespace ModelCompiler.Runtime.Tests.Onnx.Steps;

/// <summary>Products of few bits against sums in double precision, of matrices that fill neither tiles nor groups nor words.</summary>
public sealed unsafe class PackedTilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly StepWeights _memory;
    private readonly Random _random = new(1);

    public PackedTilesTests()
    {
        Assert.SkipUnless(StepKernels.AreSupported, "The kernels need AVX2.");
        var path = Path.Combine(_folder.Path, "data");
        File.WriteAllBytes(path, [0]);
        _memory = new(path);
    }

    public void Dispose()
    {
        _memory?.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(4, 16)]
    [InlineData(4, 32)]
    [InlineData(4, 64)]
    [InlineData(4, 128)]
    [InlineData(2, 16)]
    [InlineData(2, 32)]
    [InlineData(2, 128)]
    public void Groups(int bits, int group)
    {
        foreach (var symmetric in (bool[])[true, false])
        foreach (var (rows, inputs) in ((int, int)[])[(37, 100), (16, 128), (1, group), (50, 3 * group)])
        {
            var groups = (inputs + group - 1) / group;
            var (columns, zeroBytes) = (groups * group, PackedCodes.Bytes(groups, bits));
            var codes = new byte[rows * PackedCodes.Bytes(columns, bits)];
            var zeros = new byte[rows * zeroBytes];
            _random.NextBytes(codes);
            _random.NextBytes(zeros);
            float[] scales = [.. Enumerable.Range(0, rows * groups).Select(_ => _random.NextSingle() - 0.5f)];
            fixed (byte* code = codes, zero = zeros)
            fixed (float* scale = scales)
            {
                var tiles = PackedTiles.OfGroups(_memory, code, scale, symmetric ? null : zero, inputs, rows, bits, group);
                Check(tiles, rows, inputs, group, (row, column) =>
                {
                    var middle = symmetric ? 1 << (bits - 1) : PackedCodes.At(zeros.AsSpan(row * zeroBytes), column / group, bits);
                    return scales[(row * groups) + (column / group)] * (PackedCodes.At(codes.AsSpan(row * PackedCodes.Bytes(columns, bits)), column, bits) - (double)middle);
                });
            }
        }
    }

    [Theory]
    [InlineData(37, 70)]
    [InlineData(16, 64)]
    [InlineData(1, 3)]
    [InlineData(130, 129)]
    public void Bytes(int rows, int inputs)
    {
        sbyte[] codes = [.. Enumerable.Range(0, inputs * rows).Select(_ => (sbyte)_random.Next(-64, 64))];
        float[] scales = [.. Enumerable.Range(0, rows).Select(_ => _random.NextSingle())];
        fixed (sbyte* code = codes)
        {
            Check(PackedTiles.OfBytes(_memory, code, scales, inputs, rows), rows, inputs, 64, (row, column) => scales[row] * (double)codes[(column * rows) + row]);
            Check(PackedTiles.OfBytes(_memory, code, [0.25f], inputs, rows), rows, inputs, 64, (row, column) => 0.25 * codes[(column * rows) + row]);
        }
    }

    [Fact]
    public void Bytes_of_eight_bits_do_not_fit()
    {
        Assert.True(PackedTiles.Holds([-64, 0, 63]));
        Assert.False(PackedTiles.Holds([0, 64]));
        Assert.False(PackedTiles.Holds([-65]));
    }

    /// <summary>All tiles at once, and one by one.</summary>
    private void Check(IPackedTiles tiles, int rows, int inputs, int group, Func<int, int, double> weight)
    {
        Assert.Equal((rows, inputs, group), (tiles.Shape.Rows, tiles.Shape.Inputs, tiles.Shape.Group));
        var input = _memory.Allocate<sbyte>(tiles.Shape.Columns);
        var scales = _memory.Allocate<float>(2 * tiles.Shape.Groups);
        for (var i = 0; i < inputs; i++) input[i] = (sbyte)(i < 2 * group ? 127 : _random.Next(-127, 128)); // the largest sums
        for (var part = 0; part < tiles.Shape.Groups; part++)
        {
            scales[2 * part] = _random.NextSingle();
            for (var i = part * group; i < (part + 1) * group; i++) scales[(2 * part) + 1] += scales[2 * part] * input[i];
        }

        var whole = _memory.Allocate<float>(tiles.Count * PackedTiles.Rows);
        var single = _memory.Allocate<float>(tiles.Count * PackedTiles.Rows);
        tiles.Multiply(input, scales, whole, 0, tiles.Count);
        for (var tile = 0; tile < tiles.Count; tile++) tiles.Multiply(input, scales, single, tile, tile + 1);
        for (var row = 0; row < rows; row++)
        {
            var (expected, magnitude) = (0.0, 1e-6);
            for (var column = 0; column < inputs; column++)
            {
                var product = weight(row, column) * input[column] * scales[2 * (column / group)];
                (expected, magnitude) = (expected + product, magnitude + Math.Abs(product));
            }

            Assert.Equal(expected, whole[row], 1e-4 * magnitude);
            Assert.Equal(whole[row], single[row]);
        }

        CheckFour(tiles, group);
    }

    /// <summary>Four tokens at once come to the bits of each alone.</summary>
    private void CheckFour(IPackedTiles tiles, int group)
    {
        static int Aligned(int floats) => (floats + 15) / 16 * 16;
        var (codes, scales, outputs) = (Aligned(tiles.Shape.Columns / sizeof(float)), Aligned(2 * tiles.Shape.Groups), tiles.Count * PackedTiles.Rows);
        var stride = codes + scales + outputs;
        var values = _memory.Allocate<float>(4 * stride);
        var alone = _memory.Allocate<float>(outputs);
        for (var token = 0; token < 4; token++)
        {
            var input = (sbyte*)(values + (token * stride));
            var scale = values + (token * stride) + codes;
            for (var i = 0; i < tiles.Shape.Columns; i++) input[i] = (sbyte)(i < group ? 127 - (254 * (token % 2)) : _random.Next(-127, 128));
            for (var part = 0; part < 2 * tiles.Shape.Groups; part++) scale[part] = _random.NextSingle() - 0.5f;
        }

        tiles.MultiplyFour((sbyte*)values, values + codes, values + codes + scales, stride, 0, tiles.Count);
        for (var token = 0; token < 4; token++)
        {
            var of = values + (token * stride);
            tiles.Multiply((sbyte*)of, of + codes, alone, 0, tiles.Count);
            Assert.True(new ReadOnlySpan<float>(alone, outputs).SequenceEqual(new(of + codes + scales, outputs)), $"token {token}");
        }
    }
}
