using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Tests.Generated;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

public sealed class RopeScalingTests : KernelTest
{
    private const double Theta = 10_000;

    private static readonly (RopeScalingSpec Spec, RopeScaling Scaling)[] Scalings =
    [
        (new() { Kind = RopeScalingKind.Linear, Factor = 4 }, RopeScaling.Linear(4)),
        (new() { Kind = RopeScalingKind.Ntk, Factor = 4 }, RopeScaling.Ntk(4)),
        (new() { Kind = RopeScalingKind.Yarn, Factor = 4, OriginalContext = 512 }, RopeScaling.Yarn(4, 512, 1, 32, (0.1 * Math.Log(4)) + 1)),
        (new() { Kind = RopeScalingKind.Llama3, Factor = 8, OriginalContext = 512 }, RopeScaling.Llama3(8, 512, 1, 4)),
    ];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void FrequenciesAreThoseOfThePaper(int index)
    {
        var (spec, scaling) = Scalings[index];
        foreach (var size in new[] { 64, 128 })
        {
            var (expected, magnitude) = ReferenceFrequencies.Of(size, Theta, spec, context: 2048);
            Assert.Equal(magnitude, scaling.Magnitude, 12);
            for (var i = 0; i < expected.Length; i++) Assert.Equal(1, scaling.Frequency(i, size / 2, Theta) / expected[i], 12);
            // The fastest pair turns as before but under linear scaling; the slowest as if positions were divided.
            Assert.Equal(index == 0 ? 0.25 : 1, expected[0], 12);
            Assert.Equal(spec.Factor, Math.Pow(Theta, (2.0 / size) - 1) / expected[^1], 9);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void RotationAndItsGradient(ScalarType type, bool aten)
    {
        const int B = 2, T = 9, H = 2, Kv = 1, D = 16;
        var (x, dy) = (Oracle.Normal(1, type, B * T, (H + (2 * Kv)) * D), Oracle.Normal(2, type, B * T, (H + (2 * Kv)) * D));
        foreach (var (spec, scaling) in Scalings)
        {
            var (value, gradients) = Oracle.Differentiate(i => Rotate(i[0], B, T, H + Kv, D, spec), dy, x);
            var (y, dx) = (empty_like(x), empty_like(x));
            if (aten) AtenRope.Rotate(x, B, T, H, Kv, Theta, 0, inverse: false, y, scaling);
            else Kernels.Rope(x, B, T, H, Kv, Theta, y, scaling);
            Oracle.Close(value, y, spec.Kind.ToString());
            if (aten) AtenRope.Rotate(dy, B, T, H, Kv, Theta, 0, inverse: true, dx, scaling);
            else Kernels.RopeGrad(dy, B, T, H, Kv, Theta, dx, scaling);
            Oracle.Close(gradients[0], dx, $"dx, {spec.Kind}");
        }
    }

    private static Tensor Rotate(Tensor x, int batch, int sequence, int rotated, int size, RopeScalingSpec spec)
    {
        var (frequencies, magnitude) = ReferenceFrequencies.Of(size, Theta, spec, context: 2048);
        var angles = outer(arange(sequence, ScalarType.Float64), tensor(frequencies)).view(1, sequence, 1, -1);
        var all = x.view(batch, sequence, -1, size);
        var (a, b) = (all.narrow(2, 0, rotated).narrow(3, 0, size / 2), all.narrow(2, 0, rotated).narrow(3, size / 2, size / 2));
        var turned = cat([(a * angles.cos()) - (b * angles.sin()), (b * angles.cos()) + (a * angles.sin())], 3) * magnitude;
        return cat([turned, all.narrow(2, rotated, all.shape[2] - rotated)], 2).view(x.shape);
    }
}
