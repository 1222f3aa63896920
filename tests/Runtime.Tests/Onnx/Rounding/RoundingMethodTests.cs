using ModelCompiler.Runtime.Onnx.Rounding;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Onnx.Rounding;

/// <summary>Ways to round a weight, by what each is to make small, in double precision.</summary>
public sealed class RoundingMethodTests : KernelTest
{
    private const int Rows = 24, Columns = 200;

    /// <summary>A weight with outliers, and inputs whose channels differ and depend on each other.</summary>
    private static readonly Lazy<(Tensor Weight, Tensor Moments)> s_case = new(() =>
    {
        var weight = Oracle.Normal(1, ScalarType.Float32, Rows, Columns);
        weight = (weight * weight * weight).DetachFromDisposeScope();
        var mix = eye(Columns) + (Oracle.Normal(2, ScalarType.Float32, Columns, Columns) * 0.1);
        var inputs = (Oracle.Normal(3, ScalarType.Float32, 1000, Columns) * Oracle.Normal(4, ScalarType.Float32, Columns).exp()).mm(mix);
        return (weight, inputs.t().mm(inputs).DetachFromDisposeScope());
    });

    public static TheoryData<int, int, bool> Grids => new() { { 4, 32, true }, { 4, 32, false }, { 2, 64, true }, { 2, 16, false }, { 7, Columns, true } };

    [Theory]
    [MemberData(nameof(Grids))]
    public void NearestIsNoWorseThanTheWholeRange(int bits, int group, bool symmetric)
    {
        var (weight, grid) = (s_case.Value.Weight, new RoundingGrid(bits, group, symmetric));
        var plain = empty_like(weight);
        Kernels.FakeQuantize(weight, bits, group, symmetric, plain);
        var found = Distance(Values(new NearestRounding().Round("layer", weight, grid), grid), weight, eye(Columns));
        Assert.InRange(found, 0, Distance(plain, weight, eye(Columns)) * (1 + 1e-6));
    }

    [Theory]
    [MemberData(nameof(Grids))]
    public void GptqChangesTheOutputLess(int bits, int group, bool symmetric)
    {
        var ((weight, moments), grid) = (s_case.Value, new RoundingGrid(bits, group, symmetric));
        var nearest = Distance(Values(new NearestRounding().Round("layer", weight, grid), grid), weight, moments);
        var known = new Dictionary<string, Tensor> { ["layer"] = moments };
        foreach (var ordered in new[] { true, false })
        {
            var gptq = Distance(Values(new GptqRounding(known, 0.01, ordered).Round("layer", weight, grid), grid), weight, moments);
            Assert.InRange(gptq, 0, 0.9 * nearest);
        }
    }

    /// <summary>The codes of a row by the algorithm as the paper has it: column by column, with the inverse downdated at each, in double precision.</summary>
    [Fact]
    public void GptqIsTheAlgorithmOfThePaper()
    {
        var ((weight, moments), grid) = (s_case.Value, new RoundingGrid(4, 32));
        var rounded = new GptqRounding(new Dictionary<string, Tensor> { ["layer"] = moments }).Round("layer", weight, grid);
        var scales = new NearestRounding().Round("layer", weight, grid);
        var wide = moments.to(ScalarType.Float64);
        var inverse = linalg.inv(wide + (eye(Columns, dtype: ScalarType.Float64) * wide.diag().mean() * 0.01));
        var order = wide.diag().argsort(descending: true).data<long>().ToArray();
        var left = weight.to(ScalarType.Float64).clone();
        var (groups, agree) = ((Columns + 31) / 32, 0);
        foreach (var column in order)
        {
            var errors = zeros(Rows, dtype: ScalarType.Float64);
            for (var row = 0; row < Rows; row++)
            {
                var scale = scales.Scale((row * groups) + ((int)column / 32));
                var value = left[row, column].item<double>();
                var code = Math.Clamp(Math.Round(value / scale.Scale), -8, 7);
                if (code == rounded.Codes[(row * Columns) + column]) agree++;
                errors[row] = (value - (code * scale.Scale)) / inverse[column, column].item<double>();
            }

            left -= errors.outer(inverse[column]);
            inverse -= inverse[TensorIndex.Colon, column].outer(inverse[column]) / inverse[column, column];
        }

        // Quotients near a half round as fp32 has them, after which a row's later columns may differ.
        Assert.InRange(agree, 0.97 * Rows * Columns, Rows * Columns);
    }

    [Theory]
    [MemberData(nameof(Grids))]
    public void AwqClipsForTheOutput(int bits, int group, bool symmetric)
    {
        var ((weight, moments), grid) = (s_case.Value, new RoundingGrid(bits, group, symmetric));
        // What it makes small is the error within each group: the moments' blocks along the diagonal.
        var blocks = zeros_like(moments);
        for (var start = 0; start < Columns; start += group)
        {
            var length = Math.Min(group, Columns - start);
            blocks.narrow(0, start, length).narrow(1, start, length).copy_(moments.narrow(0, start, length).narrow(1, start, length));
        }

        var awq = Distance(Values(new AwqRounding(new Dictionary<string, Tensor> { ["layer"] = moments }).Round("layer", weight, grid), grid), weight, blocks);
        var plain = empty_like(weight);
        Kernels.FakeQuantize(weight, bits, group, symmetric, plain);
        Assert.InRange(awq, 0, Distance(plain, weight, blocks) * (1 + 1e-6));
    }

    [Theory]
    [MemberData(nameof(Grids))]
    public void HqqMakesTheNormThatForgivesOutliersSmaller(int bits, int group, bool symmetric)
    {
        var (weight, grid) = (s_case.Value.Weight, new RoundingGrid(bits, group, symmetric));
        var plain = empty_like(weight);
        Kernels.FakeQuantize(weight, bits, group, symmetric, plain);
        double Norm(Tensor rounded) => (rounded - weight).abs().to(ScalarType.Float64).pow(0.7).sum().item<double>();
        Assert.InRange(Norm(Values(new HqqRounding().Round("layer", weight, grid), grid)), 0, 0.999 * Norm(plain));
    }

    private static Tensor Values(RoundedWeight rounded, RoundingGrid grid)
    {
        var groups = rounded.Scales.Length / Rows;
        float[] values =
        [
            .. rounded.Codes.Select((code, i) =>
            {
                Assert.InRange(code, grid.Smallest, grid.Largest);
                var scale = rounded.Scale((i / Columns * groups) + (i % Columns / grid.Group));
                return (code - scale.Zero) * scale.Scale;
            }),
        ];
        return tensor(values, [Rows, Columns]);
    }

    /// <summary>The sum of squares of what rounding changes in the output.</summary>
    private static double Distance(Tensor rounded, Tensor weight, Tensor moments)
    {
        var difference = (rounded - weight).to(ScalarType.Float64);
        return (difference.mm(moments.to(ScalarType.Float64)) * difference).sum().item<double>();
    }
}
