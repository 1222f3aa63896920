using System.Runtime.InteropServices;
using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Training.Optimizers;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

public sealed unsafe class SquaredSumTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(31)]
    [InlineData(16 * 1024)]
    [InlineData((16 * 1024 * 5) + 17)]
    public void It_is_the_sum_whatever_the_number_of_threads(long length)
    {
        using var x = Oracle.Normal(1, ScalarType.Float32, length);
        var partials = (double*)NativeMemory.Alloc((nuint)SquaredSum.Partials(length), sizeof(double));
        var threads = get_num_threads();
        try
        {
            var sum = SquaredSum.Of(Cpu.Floats(x), length, partials);
            Assert.Equal(x.to(ScalarType.Float64).pow(2).sum().item<double>(), sum, sum * 1e-6);
            using var norm = new GradientNorm(x, byOperators: true);
            Assert.Equal(Math.Sqrt(sum), norm.Of(), Math.Sqrt(sum) * 1e-5);
            set_num_threads(1);
            Assert.Equal(sum, SquaredSum.Of(Cpu.Floats(x), length, partials));
        }
        finally
        {
            set_num_threads(threads);
            NativeMemory.Free(partials);
        }
    }
}
