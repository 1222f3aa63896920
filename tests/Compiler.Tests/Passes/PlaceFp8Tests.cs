using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Passes;

public sealed class PlaceFp8Tests
{
    [Fact]
    public void Products_of_the_layers_named_have_8_bit_operands_forward_and_backward()
    {
        var graph = Pipelines.Run(Pipelines.Training, GraphBuilder.Build(Spec("blocks.*.mlp")), Spec("blocks.*.mlp"));

        var forward = graph.Block("blocks").Nodes.Where(n => n.Op == "linear_fp8").Select(n => n.Inputs[1]);
        Assert.Equal(["mlp.up.weight", "mlp.down.weight"], forward);
        var backward = graph.Block("blocks.backward").Nodes;
        Assert.Equal(2, backward.Count(n => n.Op == "linear_fp8_grad_input"));
        Assert.Equal(2, backward.Count(n => n.Op == "linear_fp8_grad_weight"));
        Assert.Equal(2, backward.Count(n => n.Op == "linear_grad_input"));
        Assert.DoesNotContain(graph.Main.Nodes, n => n.Op.Contains("fp8"));
    }

    [Fact]
    public void The_first_layer_may_be_left_out()
    {
        var spec = Spec("blocks.1");
        spec = spec with { Efficiency = new() { Precision = spec.Efficiency.Precision with { Fp8 = EquatableArray.Of("blocks.1", "blocks.2") } } };
        var graph = Pipelines.Run(Pipelines.Training, GraphBuilder.Build(spec), spec);
        Assert.DoesNotContain(graph.Block("blocks.0").Nodes, n => n.Op == "linear_fp8");
        Assert.Equal(4, graph.Block("blocks.1-to-2").Nodes.Count(n => n.Op == "linear_fp8"));
    }

    [Fact]
    public void Inference_has_none_of_it() =>
        Assert.DoesNotContain(
            Pipelines.Run(Pipelines.Inference, GraphBuilder.Build(Spec("blocks")), Spec("blocks")).Block("blocks").Nodes, n => n.Op.Contains("fp8"));

    [Theory]
    [InlineData("norm", "MC2045")]
    [InlineData("blocks.3.mlp", "MC2045")]
    public void Patterns_without_a_linear_layer_are_refused(string pattern, string id) =>
        Assert.Equal((id, "efficiency.precision.fp8[0]"), Diagnose(Spec(pattern)));

    [Fact]
    public void Shapes_are_multiples_of_16() => Assert.Equal(
        ("MC2049", "efficiency.precision.fp8[0]"),
        Diagnose(Spec("blocks") with { Architecture = Spec("blocks").Architecture with { Mlp = new() { Hidden = 40 } } }));

    private static (string, string) Diagnose(ModelSpec spec)
    {
        var diagnostic = Assert.Single(ModelCompilation.Compile(spec).Diagnostics);
        return (diagnostic.Id, diagnostic.SpecPath);
    }

    private static ModelSpec Spec(string pattern) => Models.Gpt2 with
    {
        Architecture = Models.Gpt2.Architecture with { Vocabulary = 256, Context = 8, Width = 16 },
        Efficiency = new() { Precision = new() { Compute = Precision.Bf16, Fp8 = EquatableArray.Of(pattern) } },
    };
}
