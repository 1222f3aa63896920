using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Training;
using ModelCompiler.Runtime.Training.Optimizers;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Training.Optimizers;

public sealed class AdamW8BitOptimizerTests
{
    private const double Beta1 = 0.9, Beta2 = 0.95, Epsilon = 1e-8, Decay = 0.1;

    [Theory]
    [InlineData(0, 0, false)]
    [InlineData(Decay, 0.5, false)]
    [InlineData(0, 0.5, true)]
    public void Steps_agree_with_the_rule(double vectorDecay, double clip, bool byOperators)
    {
        // The reference rounds as the optimizer does: matrices are one range of elements with padding between them.
        var layout = ParameterStoreTests.Layout;
        var end = (int)(layout[1].Offset + layout[1].Length);
        var (m, v) = (new double[2000], new double[2000]);
        OptimizerCheck.AgreesWith(
            layout,
            store => new AdamW8BitOptimizer(store, Beta1, Beta2, Epsilon, Decay, vectorDecay, clip) { ByOperators = byOperators },
            (parameter, values, gradient, step) =>
            {
                var (offset, info) = ((int)layout[parameter].Offset, layout[parameter]);
                var (first, second) = (m[offset..(offset + values.Length)], v[offset..(offset + values.Length)]);
                AdamWOptimizerTests.Rule(values, gradient, first, second, step, OptimizerCheck.Rate, info.Decay ? Decay : vectorDecay);
                first.CopyTo(m, offset);
                second.CopyTo(v, offset);
                if (parameter != 1) return; // the last of the matrices
                for (var start = 0; start < end; start += CpuAdamW8Bit.Block)
                {
                    Round(m.AsSpan(start, Math.Min(CpuAdamW8Bit.Block, end - start)), DynamicMap.Signed.Values, 0);
                    Round(v.AsSpan(start, Math.Min(CpuAdamW8Bit.Block, end - start)), DynamicMap.Unsigned.Values, 1);
                }
            },
            clip,
            tolerance: 1e-3); // a moment halfway between two values goes either way in fp32
    }

    [Fact]
    public void It_follows_AdamW_closely()
    {
        using var scope = NewDisposeScope();
        using var store = new ParameterStore(CPU, ParameterStoreTests.Layout, ScalarType.Float32);
        using var other = new ParameterStore(CPU, ParameterStoreTests.Layout, ScalarType.Float32);
        using var eight = Create(store);
        using var full = new AdamWOptimizer(other, Beta1, Beta2, Epsilon, Decay, 0, 1);
        for (var step = 1; step <= 20; step++)
        {
            store.Gradients.copy_(Oracle.Normal(step, ScalarType.Float32, store.Length));
            other.Gradients.copy_(store.Gradients);
            eight.Step(step, 1e-3);
            full.Step(step, 1e-3);
        }

        var error = (store.Master - other.Master).norm() / other.Master.norm();
        Assert.InRange(error.item<float>(), 0, 0.05f);
    }

    [Fact]
    public void A_parameter_without_further_gradients_does_not_run_away()
    {
        using var store = new ParameterStore(CPU, ParameterStoreTests.Layout, ScalarType.Float32);
        using var optimizer = Create(store);
        store.Gradients.fill_(1);
        store.Gradients[7] = 1e-5; // in a block of gradients so large that its second moment is the least value
        for (var step = 1; step <= 50; step++)
        {
            optimizer.Step(step, 1e-3);
            store.Gradients[7] = 0;
        }

        Assert.InRange(store.Master.abs().max().item<float>(), 0, 0.06f);
    }

    [Fact]
    public void Moments_of_matrices_have_a_byte_an_element()
    {
        using var store = new ParameterStore(CPU, ParameterStoreTests.Layout, ScalarType.Float32);
        using var optimizer = Create(store);
        var bytes = optimizer.State.Values.Sum(values => values.numel() * values.element_size());
        var blocks = (store.MatrixLength + CpuAdamW8Bit.Block - 1) / CpuAdamW8Bit.Block;
        Assert.Equal((2 * store.MatrixLength) + (8 * blocks) + (8 * (store.Length - store.MatrixLength)), bytes);
    }

    [Fact]
    public void It_continues_from_its_state() => OptimizerCheck.ContinuesFromItsState(ParameterStoreTests.Layout, Create);

    [Fact]
    public void Steps_allocate_nothing() => Assert.InRange(OptimizerCheck.BytesOfAStep(ParameterStoreTests.Layout, Create), 0, 64);

    private static AdamW8BitOptimizer Create(ParameterStore store) => new(store, Beta1, Beta2, Epsilon, Decay, vectorDecay: 0, clip: 1);

    private static void Round(Span<double> block, float[] values, int least)
    {
        var largest = 0.0;
        foreach (var x in block) largest = Math.Max(largest, Math.Abs(x));
        if (largest == 0) return;
        foreach (ref var x in block)
        {
            var quotient = x / largest;
            var nearest = Enumerable.Range(0, 256).MinBy(code => Math.Abs(values[code] - quotient));
            x = values[quotient == 0 ? nearest : Math.Max(nearest, least)] * largest;
        }
    }
}
