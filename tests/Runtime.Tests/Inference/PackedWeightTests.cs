using ModelCompiler.Runtime.Inference.Packed;
using ModelCompiler.Runtime.Onnx.Rounding;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Inference;

/// <summary>Products with packed weights against double precision: what is left is the rounding of activations, scales and results to bf16.</summary>
public sealed class PackedWeightTests
{
    private const double Tolerance = 1.0 / 128;

    [Theory]
    [InlineData(1, 96, 64, ScalarType.Float32)]
    [InlineData(1, 96, 64, ScalarType.BFloat16)]
    [InlineData(3, 17, 112, ScalarType.Float16)]
    [InlineData(70, 256, 144, ScalarType.Float32)]
    public void Int8(int count, int rows, int columns, ScalarType type) =>
        Check(count, rows, columns, new RoundingGrid(7, columns), type, (rounded, _) => new Int8Weight(rounded, rows, columns, CPU));

    [Theory]
    [InlineData(1, 96, 64, 32, true, ScalarType.Float32)]
    [InlineData(1, 96, 64, 64, false, ScalarType.BFloat16)]
    [InlineData(3, 16, 128, 128, false, ScalarType.Float16)]
    [InlineData(70, 256, 256, 256, true, ScalarType.Float32)]
    [InlineData(5, 48, 160, 32, false, ScalarType.Float32)]
    public void Int4(int count, int rows, int columns, int group, bool symmetric, ScalarType type)
    {
        Assert.Null(Int4Weight.Obstacle(group, rows, columns, CPU));
        Check(count, rows, columns, new RoundingGrid(4, group, symmetric), type, (rounded, grid) => new Int4Weight(rounded, grid.Group, rows, columns, CPU));
    }

    [Theory]
    [InlineData(16, 64, 64, "groups of 32, 64, 128 or 256")]
    [InlineData(64, 64, 96, "whole groups")]
    [InlineData(32, 40, 64, "multiples of 16 rows")]
    public void Int4_refuses(int group, int rows, int columns, string reason) =>
        Assert.Contains(reason, Int4Weight.Obstacle(group, rows, columns, CPU), StringComparison.Ordinal);

    [Fact]
    public void Int8_refuses() => Assert.Contains("16 columns", Int8Weight.Obstacle(88), StringComparison.Ordinal);

    private static void Check(int count, int rows, int columns, RoundingGrid grid, ScalarType type, Func<RoundedWeight, RoundingGrid, LinearWeight> pack)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3, CPU);
        Tensor Draw(params long[] shape) => randn(shape, generator: generator);
        var (x, weight, bias) = (Draw(count, columns).to(type), Draw(rows, columns), Draw(rows).to(type));
        var rounded = new NearestRounding().Round("layer", weight, grid);
        var groups = rounded.Scales.Length / rows;
        var wide = zeros([rows, columns], ScalarType.Float64);
        for (var row = 0; row < rows; row++)
            for (var column = 0; column < columns; column++)
            {
                var scale = rounded.Scale((row * groups) + (column / grid.Group));
                wide[row, column] = (rounded.Codes[(row * columns) + column] - scale.Zero) * (double)scale.Scale;
            }

        using var packed = pack(rounded, grid);
        foreach (var addend in (Tensor?[])[null, bias])
        {
            var y = empty([count, rows], type);
            Kernels.Linear(x, packed, addend, y);
            var expected = x.to(ScalarType.Float64).mm(wide.t());
            if (addend is not null) expected += addend.to(ScalarType.Float64);
            var error = ((y.to(ScalarType.Float64) - expected).abs().max() / expected.abs().max()).item<double>();
            Assert.InRange(error, 0, Tolerance);
        }
    }
}
