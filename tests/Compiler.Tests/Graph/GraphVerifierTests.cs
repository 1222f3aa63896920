using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Tests.Passes.PassTests;

namespace ModelCompiler.Compiler.Tests.Graphs;

public sealed class GraphVerifierTests
{
    private static string Error(Compiler.Graphs.Graph graph) => Assert.Throws<GraphException>(() => GraphVerifier.Verify(graph, "the test")).Message;

    [Fact]
    public void A_value_is_assigned_once() => Assert.Equal(
        "after the test, in main: 'y' is assigned twice", Error(Graph([], [Node("gelu", "y", "x"), Node("silu", "y", "x")], "y")));

    [Fact]
    public void A_value_is_assigned_before_its_use() => Assert.Equal(
        "after the test, in main: gelu reads 'z' before it is assigned", Error(Graph([], [Node("gelu", "y", "z"), Node("silu", "z", "x")], "y")));

    [Fact]
    public void Outputs_exist() => Assert.Equal("after the test, in main: output 'z' is never assigned", Error(Graph([], [Node("gelu", "y", "x")], "z")));

    [Fact]
    public void Ops_are_known()
    {
        var node = Node("frobnicate", "y", "x") with { Outputs = EquatableArray.Of(new Value("y", F32(B, T, C))) };
        Assert.Equal("after the test, in main: unknown op 'frobnicate'", Error(Graph([], [node], "y")));
    }

    [Fact]
    public void Types_are_those_that_ops_give()
    {
        var node = Node("gelu", "y", "x") with { Outputs = EquatableArray.Of(new Value("y", F32(B, C))) };
        Assert.Equal("after the test, in main: 'y' is f32[B, C], but gelu gives f32[B, T, C]", Error(Graph([], [node], "y")));
    }

    [Fact]
    public void Every_stage_of_every_model_verifies()
    {
        foreach (var spec in new[] { Models.Gpt2, Models.Llama, Models.Blocks, Models.Gpt2.InBf16(), Models.Llama.With(new CheckpointSpec { Every = 1 }) })
        {
            Pipelines.Run(Pipelines.Training, GraphBuilder.Build(spec), spec);
            Pipelines.Run(Pipelines.Inference, GraphBuilder.Build(spec), spec);
        }
    }
}
