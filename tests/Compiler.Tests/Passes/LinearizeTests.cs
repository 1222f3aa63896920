using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Passes;

/// <summary>Products with the Hessian of whole models, in double precision by the reference interpreter.</summary>
public sealed class LinearizeTests
{
    public static TheoryData<string> Names => ["Gpt2", "Llama", "Blocks", "Local", "Shared", "Numbers"];

    private static ModelSpec Spec(string name)
    {
        var llama = Models.Llama with { Architecture = Models.Llama.Architecture with { QkNorm = false } };
        return name switch
        {
            "Gpt2" => Models.Gpt2,
            "Llama" => llama,
            "Blocks" => Models.Blocks,
            "Shared" => Models.Shared,
            "Local" => llama with { Architecture = llama.Architecture with { Window = 2, GlobalEvery = 2, AttentionSoftcap = 1, LogitSoftcap = 2, Parallel = true, ScaleEmbeddings = true, HeadBias = true } },
            _ => Numbers,
        };
    }

    /// <summary>A network of numbers, as that of MAML's sinusoids.</summary>
    private static ModelSpec Numbers { get; } = new()
    {
        Model = "Numbers",
        Architecture = new()
        {
            Context = 1, Width = 5,
            Blocks = EquatableArray.Of<LayerSpec>(
                new NumbersLayer { Width = 2 }, new LinearLayer { Out = 5 }, new ActivationLayer { Kind = ActivationKind.Tanh },
                new LinearLayer { Out = 4 }, new ActivationLayer { Kind = ActivationKind.Relu }, new LinearLayer { Out = 1 }),
        },
        Training = new() { Batch = 6, Objective = new() { Kind = ObjectiveKind.Regression } },
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void Tangents_of_gradients_equal_numeric_differentiation_of_gradients(string name)
    {
        var graph = Graph(Spec(name));
        var (parameters, inputs) = (ReferenceParameters.Draw(graph, seed: 3), Batch(graph));
        var products = Gradients(graph, parameters, inputs).Where(g => IsTangent(g.Key)).ToDictionary();
        Assert.Equal(parameters.Keys.Where(IsTangent).Order(), products.Keys.Order());

        const double h = 1e-5;
        var (up, down) = (Gradients(graph, Moved(h), inputs), Gradients(graph, Moved(-h), inputs));
        foreach (var (tangent, product) in products)
            for (var k = 0; k < product.Data.Length; k++)
            {
                var expected = (up[Primal(tangent)].Data[k] - down[Primal(tangent)].Data[k]) / (2 * h);
                Assert.True(Math.Abs(expected - product.Data[k]) < 1e-6 * Math.Max(1, Math.Abs(expected)), $"{tangent}[{k}]: {product.Data[k]} instead of {expected}");
            }

        Dictionary<string, ReferenceTensor> Moved(double step) => parameters.ToDictionary(p => p.Key, p => IsTangent(p.Key) ? p.Value : Add(p.Value, parameters[p.Key + TangentBuilder.Suffix], step));
    }

    /// <summary>MAML's gradient by products with the Hessian against numeric differentiation of the query loss after two inner steps.</summary>
    [Fact]
    public void Meta_gradient_equals_numeric_differentiation_of_the_loss_after_inner_steps()
    {
        const double rate = 0.3;
        var graph = Graph(Spec("Llama"));
        var all = ReferenceParameters.Draw(graph, seed: 3);
        var names = all.Keys.Where(k => !IsTangent(k)).ToList();
        var (support, query) = (ReferenceParameters.Batch(graph, seed: 4), ReferenceParameters.Batch(graph, seed: 5));
        Dictionary<string, ReferenceTensor> Inner(Dictionary<string, ReferenceTensor> at)
        {
            var gradients = Gradients(graph, at, support);
            return at.ToDictionary(p => p.Key, p => IsTangent(p.Key) ? p.Value : Add(p.Value, gradients[p.Key], -rate));
        }

        var first = Inner(all);
        var v = Gradients(graph, Inner(first), query);
        foreach (var at in new[] { first, all })
        {
            var directed = at.ToDictionary(p => p.Key, p => IsTangent(p.Key) ? v[Primal(p.Key)] : p.Value);
            var products = Gradients(graph, directed, support);
            v = names.ToDictionary(n => n, n => Add(v[n], products[n + TangentBuilder.Suffix], -rate));
        }

        var random = new Random(6);
        foreach (var name in names)
        {
            const double h = 1e-5;
            var (data, k) = (all[name].Data, random.Next(all[name].Data.Length));
            double Loss() => new Interpreter(graph, Inner(Inner(all))).Run(query)[GraphBuilder.Loss].Data[0];
            var original = data[k];
            data[k] = original + h;
            var up = Loss();
            data[k] = original - h;
            var down = Loss();
            data[k] = original;
            Assert.Equal((up - down) / (2 * h), v[name].Data[k], 1e-7);
        }
    }

    [Fact]
    public void Every_value_gets_its_tangent_behind_it()
    {
        var graph = Graph(Numbers with { Architecture = Numbers.Architecture with { Blocks = EquatableArray.Of<LayerSpec>(new NumbersLayer { Width = 2 }, new LinearLayer { Out = 1, Bias = false }) } });
        Assert.Equal(
            """
            function main(numbers: f32[B, T, 2], wanted: f32[B, T, 1])
              parameter linear.weight: f32[1, 2] = linear.weight[1] normal(0.02)
              parameter linear.weight.tangent: f32[1, 2] = linear.weight[1] normal(0.02)
              linear: f32[B, T, 1] = linear(numbers, linear.weight)
              linear.tangent: f32[B, T, 1] = linear(numbers, linear.weight.tangent, _)
              loss: f32[], loss.by_sequence: f32[B] = squared_error(linear, wanted)
              d_linear: f32[B, T, 1] = squared_error_grad(linear, wanted)
              d_linear.tangent: f32[B, T, 1] = squared_error_grad_tangent(linear.tangent, wanted)
              d_linear.weight: f32[1, 2] = linear_grad_weight(d_linear, numbers, _)
              d_linear.weight.tangent: f32[1, 2] = linear_grad_weight(d_linear.tangent, numbers, _)
              gradient linear.weight = d_linear.weight
              gradient linear.weight.tangent = d_linear.weight.tangent
              return loss, loss.by_sequence
            """.ReplaceLineEndings("\n"), PassTests.Text(graph));
    }

    [Fact]
    public void A_layer_without_second_derivative_is_named()
    {
        var failure = Assert.Throws<PassException>(() => Graph(Models.Llama));
        Assert.Equal(DiagnosticCatalog.SecondDerivative.Id, failure.Diagnostic.Id);
        Assert.Contains("'qk_norm'", failure.Diagnostic.Message, StringComparison.Ordinal);
    }

    private static Compiler.Graphs.Graph Graph(ModelSpec spec) => Pipelines.Run(Pipelines.Hessian, GraphBuilder.Build(spec), spec);

    private static Dictionary<string, ReferenceTensor> Gradients(
        Compiler.Graphs.Graph graph, Dictionary<string, ReferenceTensor> parameters, Dictionary<string, ReferenceTensor> inputs)
    {
        var interpreter = new Interpreter(graph, parameters);
        interpreter.Run(inputs);
        return interpreter.Gradients;
    }

    private static Dictionary<string, ReferenceTensor> Batch(Compiler.Graphs.Graph graph)
    {
        if (graph.Main.Inputs[0].Name == GraphBuilder.Tokens) return ReferenceParameters.Batch(graph, seed: 4);
        var random = new Random(4);
        var wanted = Ops.OpGradientTests.Draw(random, [6, 1, 1], 0);
        wanted.Data[2] = double.NaN;
        return new() { [GraphBuilder.Numbers] = Ops.OpGradientTests.Draw(random, [6, 1, 2], 0), [GraphBuilder.Wanted] = wanted };
    }

    private static ReferenceTensor Add(ReferenceTensor a, ReferenceTensor b, double factor) =>
        a with { Data = a.Data.Zip(b.Data, (x, y) => x + (factor * y)).ToArray() };

    private static bool IsTangent(string name) => name.EndsWith(TangentBuilder.Suffix, StringComparison.Ordinal);

    private static string Primal(string tangent) => tangent[..^TangentBuilder.Suffix.Length];
}
