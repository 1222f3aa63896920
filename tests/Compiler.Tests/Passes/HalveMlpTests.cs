using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Passes;

public sealed class HalveMlpTests
{
    /// <summary>512 sequences of 4 tokens.</summary>
    private static ModelSpec Many(ModelSpec spec) => spec with { Training = spec.Training with { Batch = 512 } };

    private static Compiler.Graphs.Graph Run(ModelSpec spec) => Pipelines.Run(Pipelines.Training, GraphBuilder.Build(spec), spec);

    private static string[] Ops(Function function) => [.. function.Halves.SelectMany(loop => loop.Of(function)).Select(n => n.Op)];

    [Fact]
    public void An_mlp_is_halved_with_its_norm_and_its_sum()
    {
        var graph = Run(Many(Models.Gpt2));
        var forward = graph.Block("blocks");
        Assert.Equal(["layer_norm", "linear", "gelu", "linear", "add"], Ops(forward));
        var loop = forward.Halves.Single();
        Assert.Equal(["norm2", "norm2.mean", "norm2.rstd", "mlp.activation", "mlp.down.product"], loop.Inner);
        Assert.Equal(["residual1", "mlp.up.product", forward.Outputs[0]], loop.Sliced);

        var backward = graph.Block("blocks.backward");
        Assert.Equal(
            ["layer_norm", "gelu", "linear_grad_weight", "linear_grad_input", "gelu_grad", "linear_grad_weight", "linear_grad_input", "layer_norm_grad"], Ops(backward));
        Assert.Equal(["residual1", "mlp.up.product", "dy", "d_residual1.sum"], backward.Halves.Single().Sliced);
    }

    [Fact]
    public void A_gated_mlp_is_too()
    {
        Assert.Equal(["rms_norm", "linear", "swiglu", "linear", "add"], Ops(Run(Many(Models.Llama)).Block("blocks")));
    }

    /// <summary>What decides on bits, products and gradients of weights, is in the loops whatever is kept.</summary>
    [Fact]
    public void What_is_computed_again_changes_nothing()
    {
        var plain = Run(Many(Models.Gpt2));
        CheckpointSpec[] checkpoints =
        [
            new() { Layers = CheckpointLayers.All }, new() { Every = 2 }, new() { Save = EquatableArray.Of("attention") }, new() { Save = EquatableArray.Of("mlp") },
            new() { Save = EquatableArray.Of("mlp.up") }, new() { Save = EquatableArray.Of("residual1") },
        ];
        foreach (var checkpoint in checkpoints)
        {
            var graph = Run(Many(Models.Gpt2).With(checkpoint));
            Assert.Equal(Products(plain.Block("blocks")), Products(graph.Block("blocks")));
            var again = graph.Block("blocks").Nodes.SelectMany(n => n.Outputs).Select(o => o.Name).ToHashSet();
            Assert.Equal(Sums(plain.Block("blocks.backward")), Sums(graph.Block("blocks.backward")));
            // Products that run again, run again by halves.
            foreach (var function in new[] { "blocks.backward", "blocks.recompute" }.Where(graph.HasBlock).Select(graph.Block))
                Assert.Equal(
                    function.Nodes.Where(n => n.Outputs[0].Name is "mlp.up.product" or "mlp.down.product").Select(n => n.Outputs[0].Name),
                    function.Halves.SelectMany(loop => loop.Of(function)).Where(n => n.Op == "linear").Select(n => n.Outputs[0].Name));
        }

        static string[] Products(Function function) => [.. function.Halves.SelectMany(loop => loop.Of(function)).Where(n => n.Op == "linear").Select(n => n.Outputs[0].Name)];

        static string[] Sums(Function function) =>
            [.. function.Halves.SelectMany(loop => loop.Of(function)).SelectMany(n => n.Outputs).Select(o => o.Name).Where(function.GradientSlots().ContainsKey).Order()];
    }

    [Fact]
    public void Few_rows_and_odd_ones_stay_together()
    {
        Assert.Empty(Run(Models.Gpt2).Block("blocks").Halves);
        var spec = Models.Gpt2 with { Architecture = Models.Gpt2.Architecture with { Context = 3 } };
        Assert.Empty(Run(spec with { Training = spec.Training with { Batch = 1001 } }).Block("blocks").Halves);
        Assert.NotEmpty(Run(spec with { Training = spec.Training with { Batch = 1002 } }).Block("blocks").Halves);
    }

    /// <summary>Experts take tokens from all rows.</summary>
    [Fact]
    public void Experts_are_not_halved() => Assert.Empty(Run(Many(Models.Gpt2 with { Architecture = Models.Gpt2.Architecture with { Experts = new() { Count = 3, Capacity = 1, Balance = 0 } } })).Block("blocks").Halves);

    [Fact]
    public void Blocks_of_layers_are_halved_about_their_activations()
    {
        var graph = Run(Many(Models.Blocks));
        // The other branch needs nothing of the activation: it stays whole.
        Assert.Equal(["linear", "silu", "multiply"], Ops(graph.Block("gated")));
        Assert.Contains("relu_squared", Ops(graph.Block("plain")));
    }
}
