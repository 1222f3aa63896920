using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Passes;

public sealed class ChooseCheckpointsTests
{
    private static readonly IReadOnlyList<Pass> Before = [.. Pipelines.Training.TakeWhile(p => p is not ChooseCheckpoints)];

    private static Compiler.Graphs.Graph Run(ModelSpec spec) => Pipelines.Run([.. Before, new ChooseCheckpoints()], GraphBuilder.Build(spec), spec);

    private static string[] Saved(Compiler.Graphs.Graph graph, string function) => [.. graph.Block(function).Saved.Select(s => s.Name)];

    [Fact]
    public void Cheap_values_are_computed_again_rather_than_kept()
    {
        var spec = Models.Llama;
        var before = Pipelines.Run(Before, GraphBuilder.Build(spec), spec);
        Assert.Equal(
            ["x", "norm1", "norm1.rstd", "attention.qkv", "attention.qk_norm.rstd", "attention.rope", "attention.mix", "attention.mix.lse", "residual1",
                "norm2", "norm2.rstd", "mlp.gate_up", "mlp.activation"],
            Saved(before, "blocks"));
        var after = Run(spec);
        string[] kept = ["x", "attention.qkv", "attention.mix", "attention.mix.lse", "residual1", "mlp.gate_up"];
        Assert.Equal(kept, Saved(after, "blocks"));
        Assert.Equal(kept, Saved(after, "blocks.backward"));
        var again = after.Block("blocks.backward").Nodes.Where(n => n.Outputs.All(o => !o.Name.StartsWith("d_"))).Select(n => n.Outputs[0].Name);
        Assert.Equal(["mlp.activation", "norm2", "attention.qk_norm", "attention.rope", "norm1"], again);
    }

    [Fact]
    public void Without_the_directive_there_are_no_segments() => Assert.Empty(Run(Models.Gpt2).Segments);

    [Theory]
    [InlineData(1, new[] { 0, 1, 2, 3 })]
    [InlineData(2, new[] { 0, 2, 3 })]
    public void Every_n(int every, int[] starts) =>
        Assert.Equal(starts, Run(Models.Gpt2.With(new CheckpointSpec { Every = every })).Segments.Single().Starts);

    [Fact]
    public void Every_as_long_as_the_block_is_no_checkpointing() =>
        Assert.Empty(Run(Models.Gpt2.With(new CheckpointSpec { Every = 3 })).Segments);

    [Fact]
    public void Boundaries() => Assert.Equal(
        [0, 1, 3],
        Run(Models.Gpt2.With(new CheckpointSpec { Boundaries = EquatableArray.Of("blocks.1") })).Segments.Single().Starts);

    [Fact]
    public void Recomputation_leaves_out_what_only_the_output_needs()
    {
        var graph = Run(Models.Gpt2.With(new CheckpointSpec { Every = 1 }));
        var forward = graph.Block("blocks").Nodes.Select(n => n.Outputs[0].Name).ToList();
        var recompute = graph.Block("blocks.recompute").Nodes.Select(n => n.Outputs[0].Name).ToList();
        Assert.Equal(["mlp.activation", "mlp.down.product", "residual2"], forward.Except(recompute));
    }
}
