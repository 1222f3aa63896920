using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Passes;

public sealed class AdaptLayersTests
{
    [Fact]
    public void A_linear_layer_gets_a_product_of_low_rank() => PassTests.Check(
        new AdaptLayers(),
        PassTests.Graph(
            [PassTests.Weight("head.weight", new Dim("V", 16), PassTests.C)], [PassTests.Node("linear", "head", "x", "head.weight")], "head"),
        """
        function main(x: f32[B, T, C])
          parameter head.weight: f32[V, C] = head.weight[16] normal(0.02)
          head: f32[B, T, V] = linear(x, head.weight)
          return head
        """,
        """
        function main(x: f32[B, T, C])
          parameter head.weight: f32[V, C] = head.weight[16] normal(0.02) frozen
          parameter head.lora_a: f32[2, C] = head.lora_a[2] normal(0.204124)
          parameter head.lora_b: f32[V, 2] = head.lora_b[16] zeros
          head.base: f32[B, T, V] = linear(x, head.weight)
          head.lora_h: f32[B, T, 2] = linear(x, head.lora_a)
          head.lora_scaled: f32[B, T, 2] = scale(head.lora_h) {factor = 0.5}
          head: f32[B, T, V] = add_product(head.base, head.lora_scaled, head.lora_b) {start = 0}
          return head
        """,
        Spec(new() { Rank = 2, Alpha = 1, Targets = EquatableArray.Of("head") }));

    [Fact]
    public void Packed_projections_stay_packed_and_each_part_has_its_adapter()
    {
        var block = Train(new() { Rank = 2, Targets = EquatableArray.Of("blocks.*.attention.q", "blocks.*.attention.v") }).Block("blocks");
        Assert.Single(block.Nodes, n => n.Op == "linear" && n.Inputs[1] == "attention.qkv.weight");
        Assert.Equal([0L, 64L], block.Nodes.Where(n => n.Op == "add_product").Select(n => n.Attributes.Long("start")));
        Assert.Equal(
            ["attention.q.lora_a", "attention.q.lora_b", "attention.v.lora_a", "attention.v.lora_b"],
            block.Parameters.Where(p => !p.Frozen).Select(p => p.Name));
    }

    [Fact]
    public void Frozen_parameters_have_no_gradients()
    {
        var graph = Train(new() { Rank = 2, Targets = EquatableArray.Of("blocks.*.mlp") });
        Assert.Empty(graph.Main.Gradients);
        Assert.DoesNotContain(graph.Main.Nodes, n => n.Op is "embedding_grad" or "add_position_grad" or "linear_grad_weight");
        var backward = graph.Block("blocks.backward");
        Assert.Equal(["mlp.up.lora_a", "mlp.up.lora_b", "mlp.down.lora_a", "mlp.down.lora_b"], backward.Gradients.Select(g => g.Parameter));
        Assert.Equal(2, backward.Nodes.Count(n => n.Op == "linear_grad_weight"));
        Assert.DoesNotContain(backward.Nodes, n => n.Op == "bias_grad");
    }

    [Fact]
    public void Memory_of_training_shrinks()
    {
        var spec = Spec(null);
        var plain = ModelCompilation.Compile(spec).Model!.Costs;
        var adapted = ModelCompilation.Compile(Spec(new() { Rank = 2, Targets = EquatableArray.Of("blocks") })).Model!.Costs;
        Assert.Equal(plain.Parameters + adapted.TrainedParameters, adapted.Parameters);
        Assert.Equal((4 * adapted.TrainedParameters, 8 * adapted.TrainedParameters), (adapted.GradientBytes, adapted.OptimizerBytes));
        Assert.True(adapted.BackwardFlops < 0.75 * plain.BackwardFlops);
    }

    [Theory]
    [InlineData("blocks.*.attention.query")]
    [InlineData("blocks.0.mlp")]
    [InlineData("norm")]
    public void A_target_without_a_linear_layer_is_refused(string target)
    {
        var diagnostic = Assert.Single(ModelCompilation.Compile(Spec(new() { Rank = 2, Targets = EquatableArray.Of("blocks", target) })).Diagnostics);
        Assert.Equal(("MC3011", "efficiency.adapt.targets[1]"), (diagnostic.Id, diagnostic.SpecPath));
    }

    /// <summary>An adapter of a tied head could not be merged without changing the embedding.</summary>
    [Fact]
    public void A_tied_head_is_refused()
    {
        var spec = Spec(new() { Rank = 2, Targets = EquatableArray.Of("head") });
        var diagnostic = Assert.Single(ModelCompilation.Compile(spec with { Architecture = spec.Architecture with { TieEmbeddings = true } }).Diagnostics);
        Assert.Equal("MC3011", diagnostic.Id);
    }

    private static Compiler.Graphs.Graph Train(AdaptSpec adapt) => Pipelines.Run(Pipelines.Training, GraphBuilder.Build(Spec(adapt)), Spec(adapt));

    private static ModelSpec Spec(AdaptSpec? adapt) => Models.Gpt2 with
    {
        Architecture = Models.Gpt2.Architecture with { Vocabulary = 256, Context = 8, Width = 32 },
        Efficiency = new() { Adapt = adapt },
    };
}
