using ModelCompiler.Runtime.Training;
using ModelCompiler.Runtime.Training.Optimizers;
using ModelCompiler.Runtime.Training.Pruning;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Training.Pruning;

/// <summary>What each method removes, against its formula in double precision, weight by weight.</summary>
public sealed class PruningRuleTests : IDisposable
{
    private const int Rows = 12, Columns = 160, Count = 2, Size = Rows * Columns;

    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly ParameterStore _store = new(
        CPU, [.. Enumerable.Range(0, Count).Select(i => new ParameterInfo($"{i}.weight", [Rows, Columns], i * Size, true, ParameterInit.Normal(0.5 + i)))], ScalarType.Float32);

    private readonly PrunedMatrix[] _matrices = [new(new MatrixGroup(0, Size, Count, Rows, Columns), Site: 0)];

    public PruningRuleTests() => _store.Initialize(3);

    public void Dispose()
    {
        _store.Dispose();
        _scope.Dispose();
    }

    [Fact]
    public void Magnitude_of_each_matrix()
    {
        using var method = new MagnitudePruning(_store, _matrices, 0.3);
        method.Choose(0.5);
        for (var i = 0; i < Count; i++) AssertLowest([.. Weights(i).Select(w => Math.Abs((double)w))], 0.15, Marks(method, i));
    }

    [Fact]
    public void Magnitude_of_all()
    {
        using var method = new MagnitudePruning(_store, _matrices, 0.4, ComparedIn.All);
        method.Choose(1);
        AssertLowest([.. Weights(0).Concat(Weights(1)).Select(w => Math.Abs((double)w))], 0.4, [.. Marks(method, 0), .. Marks(method, 1)]);
        Assert.True(Marks(method, 0).Count(m => m) > Marks(method, 1).Count(m => m)); // its weights are smaller
    }

    [Fact]
    public void A_pattern_keeps_the_largest_of_each_group()
    {
        using var method = new MagnitudePruning(_store, _matrices, 0.5, pattern: new(2, 4));
        method.Choose(1);
        var (weights, marks) = (Weights(0), Marks(method, 0));
        for (var group = 0; group < Size; group += 4)
            AssertLowest([.. weights[group..(group + 4)].Select(w => Math.Abs((double)w))], 0.5, marks[group..(group + 4)]);
    }

    /// <summary>What was removed at an earlier choice stays removed, however many zeros there are beside it.</summary>
    [Fact]
    public void What_is_removed_stays_removed()
    {
        using var method = new MagnitudePruning(_store, _matrices, 0.5);
        method.Choose(0.4);
        var first = Marks(method, 0);
        _store.Master.narrow(0, 0, Size).masked_fill_(method.Removed.narrow(0, 0, Size).logical_not(), 0);
        method.Choose(1);
        Assert.All(first.Zip(Marks(method, 0)), pair => Assert.True(!pair.First || pair.Second));
    }

    [Fact]
    public void Wanda_weighs_by_the_norms_of_inputs_in_each_row()
    {
        using var method = new WandaPruning(_store, _matrices, 0.45);
        var inputs = Inputs();
        for (var i = 0; i < Count; i++) method.Observations.Add(0, i, inputs[i].view(5, -1, Columns));
        method.Choose(1);
        for (var i = 0; i < Count; i++)
        {
            float[] x = [.. inputs[i].data<float>()];
            double[] norms = [.. Enumerable.Range(0, Columns).Select(k => Math.Sqrt(Enumerable.Range(0, x.Length / Columns).Sum(n => Math.Pow(x[(n * Columns) + k], 2))))];
            var (weights, marks) = (Weights(i), Marks(method, i));
            for (var row = 0; row < Rows; row++)
                AssertLowest([.. Enumerable.Range(0, Columns).Select(k => Math.Abs(weights[(row * Columns) + k]) * norms[k])], 0.45, marks[(row * Columns)..((row + 1) * Columns)]);
        }
    }

    /// <summary>The scores of plain gradient descent through a straight-through mask: a weight that is removed may return, with its value.</summary>
    [Fact]
    public void Movement_sums_what_moves_weights_towards_zero()
    {
        using var optimizer = new SgdOptimizer(_store, 0, false, 0, 0, 0);
        using var pruning = new WeightPruning(_store, new MovementPruning(_store, _matrices, 0.5), new CubicSchedule(1, 5, 2), optimizer);
        double[] weights = [.. _store.Master.data<float>()], scores = new double[Count * Size];
        var removed = new bool[Count * Size];
        for (var step = 1; step <= 5; step++)
        {
            var gradient = Oracle.Normal(step, ScalarType.Float32, Count * Size);
            _store.Gradients.copy_(gradient);
            _store.Gradients.mul_(4); // a loss scale
            pruning.MaskGradients(lossScale: 4);
            optimizer.Step(step, 0.01, 4);
            pruning.Update(step);
            float[] g = [.. gradient.data<float>()];
            for (var i = 0; i < scores.Length; i++)
            {
                scores[i] -= weights[i] * g[i];
                if (!removed[i]) weights[i] -= 0.01 * g[i];
            }

            if (new CubicSchedule(1, 5, 2).Share(step) is { } share)
                for (var m = 0; m < Count; m++)
                {
                    var lowest = Enumerable.Range(m * Size, Size).OrderBy(i => scores[i]).Take((int)Math.Round(share * 0.5 * Size, MidpointRounding.AwayFromZero)).ToHashSet();
                    for (var i = m * Size; i < (m + 1) * Size; i++) removed[i] = lowest.Contains(i);
                }

            Assert.InRange(pruning.Removed.data<bool>().Zip(removed).Count(pair => pair.First != pair.Second), 0, 2); // two scores may tie in fp32
            float[] now = [.. _store.Master.data<float>()];
            for (var i = 0; i < now.Length; i++) Assert.Equal(pruning.Removed[i].item<bool>() ? 0 : weights[i], now[i], 1e-5);
        }
    }

    /// <summary>
    /// The optimal brain surgeon's update, one column after the other, on an inverse that is eliminated step by step in double precision
    /// rather than factored.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Sparse_gpt_is_the_surgeons_update_column_by_column(bool pattern)
    {
        using var method = new SparseGptPruning(_store, _matrices, 0.5, pattern ? new(2, 4) : null);
        var inputs = Inputs();
        for (var i = 0; i < Count; i++) method.Observations.Add(0, i, inputs[i]);
        double[][] before = [.. Enumerable.Range(0, Count).Select(i => Weights(i).Select(w => (double)w).ToArray())];
        method.Choose(1);
        for (var i = 0; i < Count; i++)
        {
            var (expected, marks) = Surgeon(before[i], inputs[i], pattern);
            Assert.InRange(marks.Zip(Marks(method, i)).Count(pair => pair.First != pair.Second), 0, 4);
            var actual = Weights(i);
            var differing = Enumerable.Range(0, Size).Where(k => marks[k] != Marks(method, i)[k]).Select(k => k / Columns).ToHashSet();
            for (var k = 0; k < Size; k++)
                if (!differing.Contains(k / Columns)) Assert.Equal(expected[k], actual[k], 2e-3);
            Assert.Equal(Size / 2, marks.Count(m => m));
        }
    }

    /// <summary>What the update is for: outputs nearer to the dense layer's than those of the same share removed by magnitude.</summary>
    [Fact]
    public void Sparse_gpt_makes_up_for_what_is_removed()
    {
        var (dense, inputs) = (_store.Master.narrow(0, 0, Size).view(Rows, Columns).clone(), Inputs()[0]);
        using var magnitude = new MagnitudePruning(_store, _matrices, 0.5);
        magnitude.Choose(1);
        var plain = Error(dense.masked_fill(magnitude.Removed.narrow(0, 0, Size).view(Rows, Columns), 0));
        using var method = new SparseGptPruning(_store, _matrices, 0.5);
        for (var i = 0; i < Count; i++) method.Observations.Add(0, i, inputs);
        method.Choose(1);
        var surgical = Error(_store.Master.narrow(0, 0, Size).view(Rows, Columns));
        Assert.True(surgical < 0.75 * plain, $"{surgical} by SparseGPT, {plain} by magnitude");

        float Error(Tensor weight) => inputs.mm((weight - dense).t()).square().mean().item<float>();
    }

    private static (double[] Weights, bool[] Marks) Surgeon(double[] weights, Tensor inputs, bool pattern)
    {
        var w = (double[])weights.Clone();
        var marks = new bool[Size];
        var wide = inputs.to(ScalarType.Float64);
        var moments = wide.t().mm(wide);
        moments += eye(Columns, dtype: ScalarType.Float64) * (moments.diag().mean().item<double>() * 0.01);
        double[] inverse = [.. linalg.inv(moments).contiguous().data<double>()];
        // The diagonals at each column's turn, which a choice ahead of it is made by.
        var (turns, eliminated) = (new double[Columns], (double[])inverse.Clone());
        for (var j = 0; j < Columns; j++) turns[j] = Eliminate(eliminated, j);
        for (var j = 0; j < Columns; j++)
        {
            if (!pattern && j % 128 == 0)
            {
                var columns = Enumerable.Range(j, Math.Min(128, Columns - j)).ToArray();
                foreach (var k in Enumerable.Range(0, Rows).SelectMany(row => columns.Select(c => (row * Columns) + c))
                    .OrderBy(k => w[k] * w[k] / turns[k % Columns]).Take(Rows * columns.Length / 2)) marks[k] = true;
            }

            for (var row = 0; row < Rows; row++)
            {
                if (pattern && j % 4 == 0)
                    foreach (var c in Enumerable.Range(j, 4).OrderBy(c => Math.Pow(w[(row * Columns) + c], 2) / turns[c]).Take(2)) marks[(row * Columns) + c] = true;
                if (!marks[(row * Columns) + j]) continue;
                var error = w[(row * Columns) + j] / inverse[(j * Columns) + j];
                for (var c = j; c < Columns; c++) w[(row * Columns) + c] -= error * inverse[(j * Columns) + c];
                w[(row * Columns) + j] = 0;
            }

            Eliminate(inverse, j);
        }

        return (w, marks);

        // Takes column j out of the inverse; its diagonal before.
        static double Eliminate(double[] inverse, int j)
        {
            var pivot = inverse[(j * Columns) + j];
            double[] row = inverse[(j * Columns)..((j + 1) * Columns)];
            for (var r = j + 1; r < Columns; r++)
                for (var c = j; c < Columns; c++) inverse[(r * Columns) + c] -= row[r] * row[c] / pivot;
            return pivot;
        }
    }

    private static void AssertLowest(double[] scores, double share, bool[] marks)
    {
        var expected = Enumerable.Range(0, scores.Length).OrderBy(i => scores[i]).Take((int)Math.Round(share * scores.Length, MidpointRounding.AwayFromZero)).ToHashSet();
        Assert.Equal(expected.Count, marks.Count(m => m));
        var limit = expected.Max(i => scores[i]);
        for (var i = 0; i < marks.Length; i++)
            if (marks[i] != expected.Contains(i)) Assert.Equal(limit, scores[i], limit * 1e-6); // a tie in fp32
    }

    /// <summary>Correlated inputs of each matrix, with columns of different sizes.</summary>
    private static Tensor[] Inputs() =>
    [
        .. Enumerable.Range(0, Count).Select(i =>
            ((Oracle.Normal(10 + i, ScalarType.Float32, 300, 40).mm(Oracle.Normal(20 + i, ScalarType.Float32, 40, Columns)) * 0.2)
                + Oracle.Normal(30 + i, ScalarType.Float32, 300, Columns)) * linspace(0.2, 2, Columns)),
    ];

    private float[] Weights(int i) => [.. _store.Master.narrow(0, i * Size, Size).data<float>()];

    private static bool[] Marks(PruningRule method, int i) => [.. method.Removed.narrow(0, i * Size, Size).data<bool>()];
}
