using ModelCompiler.Runtime.Onnx.Rounding;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Onnx.Rounding;

public sealed class RoundingTests
{
    private const int Rows = 24, Columns = 70;

    /// <summary>No weight is further from its stand-in than half a step, and the extremes are reached but for the scale's search.</summary>
    [Theory]
    [InlineData(7, Columns)]
    [InlineData(4, 32)]
    public void Nearest_is_nearest(int bits, int group)
    {
        using var scope = NewDisposeScope();
        var weight = Oracle.Normal(1, ScalarType.Float32, Rows, Columns);
        var grid = new RoundingGrid(bits, group);
        var rounded = new NearestRounding().Round("layer", weight, grid);
        var values = weight.data<float>().ToArray();
        for (var i = 0; i < values.Length; i++)
        {
            var scale = rounded.Scales[(i / Columns * (rounded.Scales.Length / Rows)) + (i % Columns / group)];
            var code = rounded.Codes[i];
            Assert.InRange(code, grid.Smallest, grid.Largest);
            if (code > grid.Smallest && code < grid.Largest)
                Assert.True(Math.Abs(values[i] - (code * scale)) <= (Math.Abs(scale) / 2) + 1e-6);
        }
    }

    [Fact]
    public void A_group_of_zeros_is_zero()
    {
        using var scope = NewDisposeScope();
        var rounded = new NearestRounding().Round("layer", zeros(2, 64), new RoundingGrid(4, 32));
        Assert.All(rounded.Codes, code => Assert.Equal(0, code));
        Assert.All(rounded.Scales, scale => Assert.Equal(0, scale));
    }

    /// <summary>Pruned first, quantized then: zeros stay zeros under either rounding, and GPTQ still makes up for errors.</summary>
    [Fact]
    public void What_was_pruned_stays_pruned()
    {
        using var scope = NewDisposeScope();
        var weight = Oracle.Normal(1, ScalarType.Float32, Rows, Columns);
        weight.masked_fill_(Oracle.Normal(2, ScalarType.Float32, Rows, Columns) < 0, 0);
        var inputs = Oracle.Normal(3, ScalarType.Float32, 400, 12).mm(Oracle.Normal(4, ScalarType.Float32, 12, Columns)) + (Oracle.Normal(5, ScalarType.Float32, 400, Columns) * 0.1);
        float[] values = [.. weight.data<float>()];
        var grid = new RoundingGrid(4, 32);
        var nearest = new NearestRounding().Round("layer", weight, grid);
        var gptq = new GptqRounding(new Dictionary<string, Tensor> { ["layer"] = inputs.t().mm(inputs) }).Round("layer", weight, grid);
        foreach (var rounded in new[] { nearest, gptq })
            Assert.All(Enumerable.Range(0, values.Length).Where(i => values[i] == 0), i => Assert.Equal(0, rounded.Codes[i]));
        Assert.True(Error(gptq) < 0.7 * Error(nearest), $"{Error(gptq)} with GPTQ, {Error(nearest)} to the nearest");

        float Error(RoundedWeight rounded)
        {
            float[] stand = [.. Enumerable.Range(0, values.Length).Select(i => rounded.Codes[i] * rounded.Scales[(i / Columns * (rounded.Scales.Length / Rows)) + (i % Columns / grid.Group)])];
            return inputs.mm((tensor(stand, [Rows, Columns]) - weight).t()).square().mean().item<float>();
        }
    }

    /// <summary>What GPTQ is for: a smaller error of the layer's output where inputs are correlated.</summary>
    [Fact]
    public void Gptq_makes_up_for_errors_in_the_output()
    {
        using var scope = NewDisposeScope();
        var weight = Oracle.Normal(1, ScalarType.Float32, Rows, Columns);
        var mixing = Oracle.Normal(2, ScalarType.Float32, 12, Columns);
        var inputs = Oracle.Normal(3, ScalarType.Float32, 400, 12).mm(mixing) + (Oracle.Normal(4, ScalarType.Float32, 400, Columns) * 0.1);
        var moments = new Dictionary<string, Tensor> { ["layer"] = inputs.t().mm(inputs) };
        var grid = new RoundingGrid(4, 32);
        var (nearest, gptq) = (Error(new NearestRounding()), Error(new GptqRounding(moments)));
        Assert.True(gptq < 0.5 * nearest, $"{gptq} with GPTQ, {nearest} to the nearest");

        double Error(IWeightRounding rounding)
        {
            var rounded = rounding.Round("layer", weight, grid);
            var stand = new float[Rows * Columns];
            for (var i = 0; i < stand.Length; i++)
                stand[i] = rounded.Codes[i] * rounded.Scales[(i / Columns * (rounded.Scales.Length / Rows)) + (i % Columns / grid.Group)];
            return (inputs.mm((tensor(stand, [Rows, Columns]) - weight).t())).square().mean().item<float>();
        }
    }
}
