using ModelCompiler.Runtime.CommandLine;
using ModelCompiler.Runtime.Training;
using ModelCompiler.Runtime.Training.Optimizers;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Training.Optimizers;

public sealed class MuonOptimizerTests
{
    private const double Momentum = 0.95, Beta1 = 0.9, Beta2 = 0.95, Epsilon = 1e-8, Decay = 0.1, AdamWRate = 0.5;

    /// <summary>An embedding for AdamW; two layers of a square, a tall and a wide matrix for Muon; vectors for AdamW.</summary>
    private static readonly ParameterInfo[] s_layout =
    [
        new("embedding.weight", [40, 24], 0, true, ParameterInit.Normal(0.5)),
        .. Layer(0), .. Layer(1),
        new("0.bias", [24], 960 + (2 * 2880), false, ParameterInit.Zeros),
        new("norm.weight", [24], 960 + (2 * 2880) + 32, false, ParameterInit.Ones),
    ];

    private static readonly MatrixGroup[] s_matrices =
    [
        new(Offset: 960, Stride: 2880, Count: 2, Rows: 24, Columns: 24),
        new(Offset: 960 + 576, Stride: 2880, Count: 2, Rows: 48, Columns: 24),
        new(Offset: 960 + 576 + 1152, Stride: 2880, Count: 2, Rows: 24, Columns: 48),
    ];

    // The products round their operands to bf16 where that is faster; errors of 2⁻⁹ then go through five iterations.
    private static readonly double s_tolerance = Hardware.HasBf16 ? 3e-2 : 1e-4;

    [Theory]
    [InlineData(true, 0, 0, false)]
    [InlineData(true, Decay, 0.5, false)]
    [InlineData(false, 0, 0.5, false)]
    [InlineData(true, 0, 0.5, true)]
    [InlineData(false, 0, 0, true)]
    public void Steps_agree_with_the_rule(bool nesterov, double vectorDecay, double clip, bool byOperators)
    {
        using var scope = NewDisposeScope();
        var state = s_layout.Select(info => new double[info.Length]).ToArray();
        var second = s_layout.Select(info => new double[info.Length]).ToArray();
        OptimizerCheck.AgreesWith(
            s_layout,
            store => Create(store, nesterov, vectorDecay, clip, byOperators),
            (parameter, values, gradient, step) =>
            {
                var info = s_layout[parameter];
                var decay = info.Decay ? Decay : vectorDecay;
                if (!info.Name.EndsWith(".matrix"))
                {
                    AdamWOptimizerTests.Rule(values, gradient, state[parameter], second[parameter], step, AdamWRate * OptimizerCheck.Rate, decay);
                    return;
                }

                var direction = new double[values.Length];
                for (var i = 0; i < values.Length; i++)
                {
                    ref var m = ref state[parameter][i];
                    m = (Momentum * m) + gradient[i];
                    direction[i] = nesterov ? gradient[i] + (Momentum * m) : m;
                }

                var orthogonal = Orthogonalize(tensor(direction).view(info.Shape)).contiguous().data<double>().ToArray();
                var scale = 0.2 * Math.Sqrt(Math.Max(info.Shape[0], info.Shape[1]));
                for (var i = 0; i < values.Length; i++)
                    values[i] -= OptimizerCheck.Rate * ((decay * values[i]) + (scale * orthogonal[i]));
            },
            clip,
            s_tolerance);
    }

    [Theory]
    [InlineData(16, 16)]
    [InlineData(48, 16)]
    [InlineData(16, 48)]
    public void Iterations_bring_singular_values_near_one(long rows, long columns)
    {
        using var scope = NewDisposeScope();
        var m = Math.Min(rows, columns);
        (Tensor, Tensor, Tensor, Tensor) memory = (empty(3 * rows * columns), empty(3 * rows * columns), empty(3 * m * m), empty(3 * m * m));
        using var iterations = new NewtonSchulz(memory, 3, rows, columns);
        var matrices = Oracle.Normal(1, ScalarType.Float32, 3, rows, columns);
        iterations.Input.copy_(matrices / linalg.matrix_norm(matrices).view(3, 1, 1));
        iterations.Run();
        var values = linalg.svdvals(iterations.Output);
        Assert.InRange(values.max().item<float>(), 0.7f, 1.25f);
        Assert.InRange(values.mean().item<float>(), 0.75f, 1.15f);
        // The same singular vectors: the product with the polar factor of the input is symmetric and positive.
        var (u, _, vh) = linalg.svd(matrices, fullMatrices: false);
        var polar = u.matmul(vh);
        Oracle.Close(tensor(1.0), (polar * iterations.Output).sum() / values.sum(), tolerance: 1e-4);
    }

    [Fact]
    public void State_is_what_the_declared_rules_need_and_no_more()
    {
        using var store = new ParameterStore(CPU, s_layout, ScalarType.Float32);
        using var optimizer = Create(store, nesterov: true, 0, 1);
        Assert.Equal(
            s_layout.SelectMany<ParameterInfo, string>(info => info.Name.EndsWith(".matrix")
                ? ["momentum_buffer." + info.Name]
                : ["exp_avg." + info.Name, "exp_avg_sq." + info.Name]).Order(),
            optimizer.State.Keys.Order());
    }

    [Fact]
    public void It_continues_from_its_state() =>
        OptimizerCheck.ContinuesFromItsState(s_layout, store => Create(store, nesterov: true, 0, 1));

    [Fact]
    public void Steps_allocate_nothing() =>
        Assert.InRange(OptimizerCheck.BytesOfAStep(s_layout, store => Create(store, nesterov: true, 0, 1)), 0, 64);

    private static Tensor Orthogonalize(Tensor matrix)
    {
        var x = matrix / (matrix.norm() + 1e-7);
        for (var i = 0; i < 5; i++)
        {
            var gram = x.matmul(x.t());
            x = (3.4445 * x) + ((-4.7750 * gram) + (2.0315 * gram.matmul(gram))).matmul(x);
        }

        return x;
    }

    private static ParameterInfo[] Layer(int index)
    {
        var offset = 960 + (index * 2880L);
        return
        [
            new($"{index}.square.matrix", [24, 24], offset, true, ParameterInit.Normal(0.5)),
            new($"{index}.tall.matrix", [48, 24], offset + 576, true, ParameterInit.Normal(0.5)),
            new($"{index}.wide.matrix", [24, 48], offset + 576 + 1152, true, ParameterInit.Normal(0.5)),
        ];
    }

    private static MuonOptimizer Create(ParameterStore store, bool nesterov, double vectorDecay, double clip, bool byOperators = false) =>
        new(store, s_matrices, Momentum, nesterov, AdamWRate, Beta1, Beta2, Epsilon, Decay, vectorDecay, clip, cpuBatch: 2 * 48 * 24) { ByOperators = byOperators };
}
