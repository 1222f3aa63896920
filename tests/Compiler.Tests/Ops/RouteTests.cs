using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;

namespace ModelCompiler.Compiler.Tests.Ops;

public sealed class RouteTests
{
    /// <summary>Three positions of which each prefers expert 1, two then expert 0; an expert takes two choices.</summary>
    [Fact]
    public void First_choices_come_before_second_ones_until_an_expert_is_full()
    {
        var logits = new ReferenceTensor([1, 3, 0, 0, 3, 1, 1, 3, 0], [1, 3, 3]);
        var outputs = Evaluate("route", Attributes.Of(("top_k", 2), ("balance", 0.0), ("capacity", 1.0)), logits);
        // Experts of the choices: 1, 0; 1, 2; 1, 0. The third first choice of expert 1 is one too many.
        Assert.Equal([0, 2, 4, 5], outputs[4].Data);
        Assert.Equal([2, 0, 3, 4, -1, 1], outputs[2].Data);
        Assert.Equal([1, 5, 0, 2, 3, -1], outputs[3].Data);
        Assert.Equal(1 / (1 + Math.Exp(-2)), outputs[0].Data[0], 12);
        Assert.Equal(1 / (1 + Math.Exp(2)), outputs[0].Data[1], 12);
    }

    [Fact]
    public void Its_gradient_holds_that_of_the_load_balancing_loss()
    {
        const int N = 6, E = 4, K = 2;
        const double balance = 0.3;
        var random = new Random(1);
        double[] Draw(int n) => [.. Enumerable.Range(0, n).Select(_ => (random.NextDouble() * 2) - 1)];
        var (x, seed) = (Draw(N * E), Draw(N * K));
        var attributes = Attributes.Of(("top_k", K), ("balance", balance));

        // The shares stay the same under small changes: they have no gradient.
        double Loss(double[] logits)
        {
            var outputs = Evaluate("route", attributes, new ReferenceTensor(logits, [2, 3, E]));
            var p = outputs[1].Data;
            var means = Enumerable.Range(0, E).Select(e => Enumerable.Range(0, N).Average(n => p[(n * E) + e])).ToArray();
            var offsets = outputs[4].Data;
            double[] shares = [.. Enumerable.Range(0, E).Select(e => (offsets[e + 1] - offsets[e]) / (N * K))];
            return outputs[0].Data.Zip(seed, (a, b) => a * b).Sum() + (balance * E * shares.Zip(means, (f, m) => f * m).Sum());
        }

        var forward = Evaluate("route", attributes, new ReferenceTensor(x, [2, 3, E]));
        var gradient = Evaluate("route_grad", attributes, new ReferenceTensor(seed, [2, 3, K]), forward[1])[0].Data;
        for (var i = 0; i < x.Length; i++)
        {
            double At(double h) => Loss([.. x.Select((v, j) => j == i ? v + h : v)]);
            Assert.Equal((At(1e-5) - At(-1e-5)) / 2e-5, gradient[i], 1e-6);
        }
    }

    private static IReadOnlyList<ReferenceTensor> Evaluate(string op, Attributes attributes, params ReferenceTensor[] inputs) =>
        OpTable.Find(op).Evaluate(new ReferenceInputs(new Node(op, [], [], attributes, ""), inputs));
}
