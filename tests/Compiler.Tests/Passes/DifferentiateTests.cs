using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Passes;

/// <summary>Whole training graphs in the reference interpreter: gradients against numeric differentiation of the loss.</summary>
public sealed class DifferentiateTests
{
    public static TheoryData<string> Names => ["Gpt2", "Llama", "Blocks", "Dropout", "Experts", "Local", "Shared", "Checkpoint", "TransformerXl", "Latent"];

    private static ModelSpec Spec(string name) => name switch
    {
        "Gpt2" => Models.Gpt2,
        "Llama" => Models.Llama,
        "Blocks" => Models.Blocks,
        "TransformerXl" => Models.TransformerXl,
        "Latent" => Models.Latent,
        "Dropout" => Models.Gpt2 with { Architecture = Models.Gpt2.Architecture with { Dropout = 0.5 } },
        "Shared" => Models.Shared.With(new CheckpointSpec { Boundaries = EquatableArray.Of("blocks.1") }),
        "Experts" => Models.Gpt2 with { Architecture = Models.Gpt2.Architecture with { Experts = new() { Count = 3, Capacity = 1, Balance = 0 } } },
        "Local" => Models.Llama with
        {
            Architecture = Models.Llama.Architecture with { Window = 2, GlobalEvery = 2, AttentionSoftcap = 1, LogitSoftcap = 2, Parallel = true, ScaleEmbeddings = true, HeadBias = true },
        },
        _ => Models.Llama.With(new CheckpointSpec { Every = 2 }),
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void Gradients_of_the_whole_pipeline_equal_numeric_differentiation(string name)
    {
        var spec = Spec(name);
        Check(Pipelines.Run(Pipelines.Training, GraphBuilder.Build(spec), spec));
    }

    /// <summary>Some elements of the gradient of every parameter of a training graph.</summary>
    internal static void Check(Compiler.Graphs.Graph graph)
    {
        var parameters = ReferenceParameters.Draw(graph, seed: 3);
        var inputs = ReferenceParameters.Batch(graph, seed: 4);

        var interpreter = new Interpreter(graph, parameters);
        interpreter.Run(inputs);
        Assert.Equal(parameters.Keys.Order(), interpreter.Gradients.Keys.Order());

        var random = new Random(5);
        foreach (var (parameter, value) in parameters)
        {
            for (var sample = 0; sample < 3; sample++)
            {
                var k = random.Next(value.Data.Length);
                var expected = Numeric(graph, parameters, inputs, value.Data, k);
                var actual = interpreter.Gradients[parameter].Data[k];
                Assert.True(Math.Abs(expected - actual) < 1e-7, $"{parameter}[{k}]: {actual} instead of {expected}");
            }
        }
    }

    [Fact]
    public void Passes_that_only_rearrange_leave_the_loss_bit_identical()
    {
        var spec = Models.Llama;
        var plain = Pipelines.Run([new InferShapes(), new ShareParameters(), new PackProjections()], GraphBuilder.Build(spec), spec);
        var full = Pipelines.Run(Pipelines.Training, GraphBuilder.Build(spec), spec);
        var parameters = ReferenceParameters.Draw(full, seed: 1);
        var inputs = ReferenceParameters.Batch(full, seed: 2);
        Assert.Equal(
            new Interpreter(plain, parameters).Run(inputs)[GraphBuilder.Loss].Data[0],
            new Interpreter(full, parameters).Run(inputs)[GraphBuilder.Loss].Data[0]);
    }

    private static double Numeric(
        Compiler.Graphs.Graph graph, Dictionary<string, ReferenceTensor> parameters, Dictionary<string, ReferenceTensor> inputs, double[] x, int k)
    {
        const double h = 1e-5;
        double Loss() => new Interpreter(graph, parameters).Run(inputs)[GraphBuilder.Loss].Data[0];
        var original = x[k];
        x[k] = original + h;
        var up = Loss();
        x[k] = original - h;
        var down = Loss();
        x[k] = original;
        return (up - down) / (2 * h);
    }
}
