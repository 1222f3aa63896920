using ModelCompiler.Runtime.Implementations;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

/// <summary>Our CPU kernels beside libtorch's on the shapes and values where vector code goes wrong.</summary>
public sealed class CpuKernelsTests : KernelTest
{
    /// <summary>One row, ends of rows of each kind, and enough rows for several threads and blocks.</summary>
    public static TheoryData<ScalarType, long, long> Shapes
    {
        get
        {
            var data = new TheoryData<ScalarType, long, long>();
            foreach (var type in new[] { ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float16 })
            {
                foreach (var (rows, width) in new[] { (1L, 1L), (1, 16), (3, 17), (2, 31), (5, 64), (301, 130) }) data.Add(type, rows, width);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void ElementwiseAsByLibtorch(ScalarType type, long rows, long width)
    {
        var (a, b) = (Oracle.Normal(1, type, rows, width).mul_(4), Oracle.Normal(2, type, rows, width));
        Same([a, b], AtenElementwise.Add, Kernels.Add);
        Same([a, b], AtenElementwise.Multiply, Kernels.Multiply);
        Same([b, a], AtenElementwise.GeluGrad, Kernels.GeluGrad);
        Same([b, a], AtenElementwise.SiluGrad, Kernels.SiluGrad);
        Same([b, a], AtenElementwise.ReluSquaredGrad, Kernels.ReluSquaredGrad);
        Same([a, a], (x, _, y) => AtenElementwise.Gelu(x, y), (x, _, y) => Kernels.Gelu(x, y));
        Same([a, a], (x, _, y) => AtenElementwise.Silu(x, y), (x, _, y) => Kernels.Silu(x, y));
        Same([a, a], (x, _, y) => AtenElementwise.ReluSquared(x, y), (x, _, y) => Kernels.ReluSquared(x, y));
        var (row, table) = (b.narrow(0, 0, 1).view(width), b.narrow(0, 0, 1));
        Same([a, row], AtenElementwise.Add, Kernels.AddBias);
        Same([a, table], (x, w, y) => AtenEmbeddings.AddPosition(x, w, 1, y), (x, w, y) => Kernels.AddPosition(x, w, 1, y));
        var gates = cat([a, b], 1);
        Same([gates, a], (x, _, y) => AtenElementwise.Swiglu(x, y), (x, _, y) => Kernels.Swiglu(x, y), rows, width);
        Same([b, gates], AtenElementwise.SwigluGrad, Kernels.SwigluGrad, rows, 2 * width);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void SumsAsByLibtorch(ScalarType type, long rows, long width)
    {
        var dy = Oracle.Normal(1, type, rows, width);
        var tokens = Oracle.Integers(2, 3, 1, rows);
        foreach (var accumulate in new[] { false, true })
        {
            var (expected, actual) = Gradients(width);
            AtenLinears.LinearGradBias(dy, accumulate, expected);
            Kernels.LinearGradBias(dy, accumulate, actual);
            Oracle.Close(expected, actual, "dBias");
            (expected, actual) = Gradients(4, width);
            AtenEmbeddings.EmbeddingGrad(dy, tokens, accumulate, expected);
            Kernels.EmbeddingGrad(dy, tokens, accumulate, actual);
            Oracle.Close(expected, actual, "embedding");
            (expected, actual) = Gradients(1, width);
            AtenEmbeddings.AddPositionGrad(dy, 1, accumulate, expected);
            Kernels.AddPositionGrad(dy, 1, accumulate, actual);
            Oracle.Close(expected, actual, "position");
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void NormsOfRowsFarFromZero(ScalarType type, long rows, long width)
    {
        // A mean far above the deviation: the variance must not come from a difference of squares.
        var x = Oracle.Normal(1, ScalarType.Float32, rows, width).mul_(3).add_(type == ScalarType.Float32 ? 1000 : 50).to(type);
        var (dy, weight, bias) = (
            Oracle.Normal(2, type, rows, width), Oracle.Normal(3, ScalarType.Float32, width), Oracle.Normal(4, ScalarType.Float32, width));
        var (value, gradients) = Oracle.Differentiate(
            i => nn.functional.layer_norm(i[0], [width], i[1], i[2], 0.1), dy, x, weight, bias);
        var (y, dx) = (Oracle.Unwritten(type, rows, width), Oracle.Unwritten(type, rows, width));
        var (mean, rstd) = (Oracle.Unwritten(ScalarType.Float32, rows), Oracle.Unwritten(ScalarType.Float32, rows));
        var (dWeight, dBias) = (Oracle.Unwritten(ScalarType.Float32, width), Oracle.Unwritten(ScalarType.Float32, width));
        Kernels.LayerNorm(x, weight, bias, 0.1, y, mean, rstd);
        Kernels.LayerNormGrad(dy, x, mean, rstd, weight, false, dx, dWeight, dBias);
        // In fp32 the mean itself is exact to 6e-5 here.
        var tolerance = Math.Max(Loose(type), 2e-4);
        Oracle.Close(value, y, "y", tolerance);
        Oracle.Close(gradients[0], dx, "dx", tolerance);
        Oracle.Close(gradients[1], dWeight, "dWeight", tolerance);
        Oracle.Close(gradients[2], dBias, "dBias", tolerance);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void CrossEntropyOfLargeLogits(ScalarType type, long rows, long width)
    {
        var (logits, targets) = (Oracle.Normal(1, type, rows, width).mul_(1000), Oracle.Integers(2, width, rows));
        var (value, gradients) = Oracle.Differentiate(i => nn.functional.cross_entropy(i[0], targets), null, logits);
        var (loss, lse, dLogits) = (
            Oracle.Unwritten(ScalarType.Float32), Oracle.Unwritten(ScalarType.Float32, rows), Oracle.Unwritten(type, rows, width));
        Kernels.CrossEntropy(logits, targets, null, loss, empty(1), lse);
        Kernels.CrossEntropyGrad(logits, targets, lse, null, dLogits);
        Oracle.Close(value, loss, "loss");
        // The sum of exponentials' logarithm is exact to 6e-8 of 4000.
        Oracle.Close(gradients[0], dLogits, "dLogits", Math.Max(Loose(type), 1e-3));
    }

    [Fact]
    public void GeluIsExactInItsTail()
    {
        var x = linspace(-5, 12, 17001, ScalarType.Float32);
        var (y, wide) = (Oracle.Unwritten(ScalarType.Float32, 17001), x.to(ScalarType.Float64));
        Kernels.Gelu(x, y);
        // By the complement, which keeps its digits where 1 + erf(x / √2) loses them.
        var expected = wide * special.erfc(wide * -Math.Sqrt(0.5)) / 2;
        var error = ((y.to(ScalarType.Float64) - expected) / expected).abs().nan_to_num(0).max().item<double>();
        Assert.InRange(error, 0, 1.5e-6);
    }

    [Fact]
    public void ActivationsKeepTheirLimits()
    {
        var x = tensor(new[] { float.NegativeInfinity, -1e30f, -200, -50, 50, 200, 1e30f, float.NaN });
        var y = Oracle.Unwritten(ScalarType.Float32, 8);
        foreach (var activation in new Action<Tensor, Tensor>[] { Kernels.Gelu, Kernels.Silu })
        {
            activation(x, y);
            // −∞ · 0 is NaN or 0; no finite number may become one.
            Oracle.Close(tensor(new[] { 0f, 0, 0 }), y[1..4], "left");
            Oracle.Close(tensor(new[] { 50f, 200, 1e30f }), y[4..7], "right");
            Assert.True(float.IsNaN(y[7].item<float>()));
        }
    }

    [Fact]
    public void RepeatsAndNumbersOfThreadsGiveTheSameBits()
    {
        const long N = 700, C = 130;
        var threads = get_num_threads();
        var (x, dy, weight) = (Oracle.Normal(1, ScalarType.BFloat16, N, C), Oracle.Normal(2, ScalarType.BFloat16, N, C), Oracle.Normal(3, ScalarType.Float32, C));
        var (y, dx, mean, rstd) = (empty_like(x), empty_like(x), empty(N), empty(N));
        var tokens = Oracle.Integers(4, 9, 1, N);
        try
        {
            var results = new List<Tensor>();
            foreach (var count in new[] { 1, 2, 3, 2 })
            {
                set_num_threads(count);
                var (dWeight, dBias, sums, embedding) = (empty(C), empty(C), empty(C), empty(9, C));
                var (loss, lse) = (empty([]), empty(N));
                Kernels.LayerNorm(x, weight, null, 1e-5, y, mean, rstd);
                Kernels.LayerNormGrad(dy, x, mean, rstd, weight, false, dx, dWeight, dBias);
                Kernels.LinearGradBias(dy, false, sums);
                Kernels.EmbeddingGrad(dy, tokens, false, embedding);
                Kernels.CrossEntropy(x, tokens, null, loss, empty(1), lse);
                results.Add(cat([
                    y.to(ScalarType.Float32).view(-1), dx.to(ScalarType.Float32).view(-1), dWeight, dBias, sums,
                    embedding.view(-1), loss.view(1), lse]));
            }

            foreach (var other in results.Skip(1)) Oracle.Same(results[0], other);
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    [Fact]
    public void TensorsThatDoNotFitAreNamedAndNothingIsWritten()
    {
        var (x, y) = (zeros(5, 3), full([5, 4], 7f));
        Assert.Contains("Float32[5, 4]", Assert.Throws<ArgumentException>(() => Kernels.Gelu(x, y)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Kernels.Add(x, x.to(ScalarType.BFloat16), x));
        Assert.Throws<ArgumentException>(() => Kernels.Gelu(zeros(4, 5).t(), y));
        Oracle.Same(full([5, 4], 7f), y);
    }

    private static (Tensor Expected, Tensor Actual) Gradients(params long[] shape)
    {
        var start = Oracle.Normal(9, ScalarType.Float32, shape);
        return (start, start.clone());
    }

    private static void Same(
        Tensor[] inputs, Action<Tensor, Tensor, Tensor> libtorch, Action<Tensor, Tensor, Tensor> ours, params long[] shape)
    {
        shape = shape.Length == 0 ? inputs[0].shape : shape;
        var (expected, actual) = (Oracle.Unwritten(inputs[0].dtype, shape), Oracle.Unwritten(inputs[0].dtype, shape));
        libtorch(inputs[0], inputs[1], expected);
        ours(inputs[0], inputs[1], actual);
        // One rounding to bf16 is half of 2⁻⁸, to fp16 half of 2⁻¹¹; libtorch's composed kernels round more often.
        Oracle.Close(expected, actual, tolerance: Oracle.Tolerance(inputs[0].dtype) / (inputs[0].dtype == ScalarType.Float32 ? 10 : 2));
    }
}
