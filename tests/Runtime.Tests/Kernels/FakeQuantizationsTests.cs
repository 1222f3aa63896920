using ModelCompiler.Runtime.Implementations;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

/// <summary>Fake quantization against its formula in double precision.</summary>
public sealed class FakeQuantizationsTests : KernelTest
{
    [Theory]
    [InlineData(4, 16, true)]
    [InlineData(4, 32, false)]
    [InlineData(2, 64, true)]
    [InlineData(2, 16, false)]
    [InlineData(7, 83, true)]
    [InlineData(8, 128, false)]
    public void EachGroupIsRoundedUnderItsScale(int bits, int group, bool symmetric)
    {
        const int Rows = 5, Columns = 83;
        foreach (var type in new[] { ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float16 })
        {
            var x = Oracle.Normal(bits, ScalarType.Float32, Rows, Columns);
            x[0].zero_(); // a group of zeros stays
            x[1].abs_(); // a range that does not cross zero
            var expected = Reference(x, bits, group, symmetric);
            foreach (var run in new Action<Tensor, int, int, bool, Tensor>[] { Kernels.FakeQuantize, AtenFakeQuantize.Run })
            {
                var y = Oracle.Unwritten(type, Rows, Columns);
                run(x, bits, group, symmetric, y);
                Oracle.Close(expected, y, tolerance: type == ScalarType.Float32 ? 1e-6 : null);
            }
        }
    }

    /// <summary>What is rounded already stays, so that an export finds the integers that training read.</summary>
    [Theory]
    [InlineData(4, true)]
    [InlineData(4, false)]
    [InlineData(7, true)]
    public void RoundingTwiceIsRoundingOnce(int bits, bool symmetric)
    {
        var x = Oracle.Normal(3, ScalarType.Float32, 64, 96);
        Tensor once = empty_like(x), twice = empty_like(x);
        Kernels.FakeQuantize(x, bits, 32, symmetric, once);
        Kernels.FakeQuantize(once, bits, 32, symmetric, twice);
        Oracle.Close(once, twice, tolerance: 1e-6);
    }

    private static Tensor Reference(Tensor x, int bits, int group, bool symmetric)
    {
        var (rows, columns) = ((int)x.size(0), (int)x.size(1));
        var values = x.to(ScalarType.Float64).data<double>().ToArray();
        double smallest = -Math.Pow(2, bits - 1), largest = -smallest - 1;
        for (var row = 0; row < rows; row++)
            for (var start = row * columns; start < (row + 1) * columns; start += group)
            {
                var part = values.AsSpan(start, Math.Min(group, ((row + 1) * columns) - start));
                double least = 0, most = 0;
                foreach (var value in part) (least, most) = (Math.Min(least, value), Math.Max(most, value));
                // In fp32, as scales are stored: else a quotient of just one half would round the other way.
                var scale = symmetric ? (float)(most > -least ? most : least) / (float)smallest : ((float)most - (float)least) / (float)(largest - smallest);
                if (scale == 0) continue;
                var zero = symmetric ? 0 : Math.Clamp(Math.Round(smallest - ((float)least / scale)), smallest, largest);
                for (var i = 0; i < part.Length; i++) part[i] = (Math.Clamp(Math.Round((float)part[i] / scale) + zero, smallest, largest) - zero) * scale;
            }
        return tensor(values, [rows, columns]);
    }
}
