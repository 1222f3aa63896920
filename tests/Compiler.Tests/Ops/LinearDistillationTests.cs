using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Ops;

/// <summary>The reference of the loss with a teacher against central differences of the loss as the papers write it.</summary>
public sealed class LinearDistillationTests
{
    private const int Batch = 2, Sequence = 6, Width = 4, TeacherWidth = 3, Vocabulary = 5;

    [Theory]
    [InlineData(DivergenceKind.ForwardKl, 1.0, 0.0, false)]
    [InlineData(DivergenceKind.ForwardKl, 2.5, 0.0, true)]
    [InlineData(DivergenceKind.ReverseKl, 2.5, 0.0, false)]
    [InlineData(DivergenceKind.JensenShannon, 1.5, 0.3, true)]
    public void Gradients_are_those_of_the_mixed_loss(DivergenceKind kind, double temperature, double beta, bool all)
    {
        var random = new Random(3);
        var inputs = new List<ReferenceTensor?>
        {
            Draw(random, Batch, Sequence, Width), Draw(random, Vocabulary, Width), all ? Draw(random, Vocabulary) : null,
            new([.. Enumerable.Range(0, Batch * Sequence).Select(i => i % 4 == 3 ? -1.0 : random.Next(Vocabulary))], [Batch, Sequence]),
            all ? new([0.5, 2], [Batch]) : null, null, null,
            Draw(random, Batch, Sequence, TeacherWidth), Draw(random, Vocabulary, TeacherWidth), all ? Draw(random, Vocabulary) : null,
        };
        var attributes = Attributes.Of(("rows", 3), ("divergence", kind.ToString()), ("temperature", temperature), ("weight", 0.3)).With("beta", beta);
        if (all) attributes = attributes.With("softcap", 2.0);
        var node = new Node(LinearDistillationGrad.OpName, inputs.Select((x, i) => x is null ? "" : "x" + i).ToEquatableArray(), default, attributes, "");
        var results = new LinearDistillationGrad().Evaluate(new ReferenceInputs(node, inputs));

        for (var input = 0; input < (all ? 3 : 2); input++)
        {
            var x = inputs[input]!;
            for (var i = 0; i < x.Data.Length; i++)
            {
                double At(double value)
                {
                    var (old, _) = (x.Data[i], x.Data[i] = value);
                    var loss = Loss(inputs, attributes, kind, temperature, beta);
                    x.Data[i] = old;
                    return loss;
                }

                const double step = 1e-5;
                var expected = (At(x.Data[i] + step) - At(x.Data[i] - step)) / (2 * step);
                Assert.Equal(expected, results[input].Data[i], 1e-8);
            }
        }

        var weight = attributes.Double("weight");
        var crossEntropy = results[all ? 3 : 2].Data[0];
        Assert.Equal(Loss(inputs, attributes, kind, temperature, beta), ((1 - weight) * crossEntropy) + (weight * results[^1].Data[0]), 1e-12);
    }

    /// <summary>The gradient of a divergence over the k kept tokens and all others together.</summary>
    [Theory]
    [InlineData(DivergenceKind.ForwardKl)]
    [InlineData(DivergenceKind.ReverseKl)]
    [InlineData(DivergenceKind.JensenShannon)]
    public void Gradients_of_kept_predictions_are_those_over_fewer_outcomes(DivergenceKind kind)
    {
        const double temperature = 1.5, beta = 0.3;
        var random = new Random(5);
        var (x, weight) = (Draw(random, 1, 2, Width), Draw(random, Vocabulary, Width));
        double[] known = [0.4, 0.25, 0.35, 0.5, 0.2, 0.3];
        var inputs = new ReferenceTensor?[]
        {
            x, weight, null, new([1, 4], [1, 2]), null, null, null, new([3, 0, 2, 4], [1, 2, 2]), new([.. known.Select(p => Math.Log(p))], [1, 2, 3]),
        };
        var attributes = Attributes.Of(("rows", 1), ("divergence", kind.ToString()), ("temperature", temperature), ("weight", 1.0), ("beta", beta));
        var node = new Node(CachedDistillationGrad.OpName, inputs.Select((t, i) => t is null ? "" : "x" + i).ToEquatableArray(), default, attributes, "");
        var results = new CachedDistillationGrad().Evaluate(new ReferenceInputs(node, inputs));

        double Loss() => Enumerable.Range(0, 2).Sum(r =>
        {
            var q = Softmax(Logits(x, weight, null, r), temperature);
            int[] ids = [.. inputs[7]!.Data.Skip(2 * r).Take(2).Select(id => (int)id)];
            double[] coarse = [.. ids.Select(id => q[id]), Enumerable.Range(0, Vocabulary).Except(ids).Sum(id => q[id])];
            return temperature * temperature * Distance(known[(3 * r)..((3 * r) + 3)], coarse, kind, beta) / 2;
        });

        Assert.Equal(Loss(), results[^1].Data[0], 1e-12);
        for (var i = 0; i < x.Data.Length; i++)
        {
            const double step = 1e-5;
            var old = x.Data[i];
            x.Data[i] = old + step;
            var above = Loss();
            x.Data[i] = old - step;
            var below = Loss();
            x.Data[i] = old;
            Assert.Equal((above - below) / (2 * step), results[0].Data[i], 1e-8);
        }
    }

    private static double Distance(double[] p, double[] q, DivergenceKind kind, double beta)
    {
        static double Kl(double[] a, double[] b) => a.Zip(b, (x, y) => x * Math.Log(x / y)).Sum();
        var m = p.Zip(q, (x, y) => (beta * x) + ((1 - beta) * y)).ToArray();
        return kind switch
        {
            DivergenceKind.ForwardKl => Kl(p, q),
            DivergenceKind.ReverseKl => Kl(q, p),
            _ => (beta * Kl(p, m)) + ((1 - beta) * Kl(q, m)),
        };
    }

    /// <summary>(1 − w) CE + w τ² D, by probabilities rather than logarithms.</summary>
    private static double Loss(List<ReferenceTensor?> inputs, Attributes attributes, DivergenceKind kind, double temperature, double beta)
    {
        var (loss, counted, targets) = (0.0, 0, inputs[3]!.Data);
        for (var r = 0; r < targets.Length; r++)
        {
            if (targets[r] < 0) continue;
            counted++;
            var student = Logits(inputs[0]!, inputs[1]!, inputs[2], r);
            var teacher = Logits(inputs[7]!, inputs[8]!, inputs[9], r);
            if (attributes.Has("softcap")) teacher = [.. teacher.Select(u => 2 * Math.Tanh(u / 2))];
            var (q, p) = (Softmax(student, temperature), Softmax(teacher, temperature));
            var distance = Distance(p, q, kind, beta);
            var nats = -Math.Log(Softmax(student, 1)[(int)targets[r]]);
            loss += (inputs[4]?.Data[r / Sequence] ?? 1) * ((0.7 * nats) + (0.3 * temperature * temperature * distance));
        }

        return loss / counted;
    }

    private static double[] Logits(ReferenceTensor x, ReferenceTensor weight, ReferenceTensor? bias, int row) =>
    [
        .. Enumerable.Range(0, Vocabulary).Select(v =>
            (bias?.Data[v] ?? 0) + Enumerable.Range(0, x.Last).Sum(c => x.Data[(row * x.Last) + c] * weight.Data[(v * x.Last) + c])),
    ];

    private static double[] Softmax(double[] logits, double temperature)
    {
        var exponentials = logits.Select(x => Math.Exp(x / temperature)).ToArray();
        return [.. exponentials.Select(e => e / exponentials.Sum())];
    }

    private static ReferenceTensor Draw(Random random, params long[] shape) =>
        new([.. Enumerable.Range(0, (int)shape.Aggregate(1L, (a, b) => a * b)).Select(_ => (random.NextDouble() * 2) - 1)], shape);
}
