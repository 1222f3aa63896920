using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Passes;

public sealed class ApplyPruningMasksTests
{
    private static readonly string[] s_all =
        ["attention.q.weight", "attention.k.weight", "attention.v.weight", "attention.proj.weight", "mlp.up.weight", "mlp.down.weight"];

    [Fact]
    public void Without_targets_all_linear_layers_of_blocks_are_pruned() =>
        Assert.Equal(s_all.Select(part => ("blocks", part, 0, 2)), Pruned(new() { Sparsity = 0.5 }));

    [Fact]
    public void Parts_of_packed_projections_and_single_layers_are_targets() => Assert.Equal(
        [("blocks", "attention.q.weight", 1, 1), ("blocks", "mlp.up.weight", 0, 2), ("", "head.weight", 0, 1)],
        Pruned(new() { Sparsity = 0.5, Targets = EquatableArray.Of("head", "blocks.1.attention.q", "blocks.*.mlp.up") }));

    [Fact]
    public void The_graph_stays_as_it_is()
    {
        var (spec, pruned) = (Spec(null), Spec(new() { Sparsity = 0.5 }));
        Compiler.Graphs.Graph Run(ModelSpec of) => Pipelines.Run(Pipelines.Training, GraphBuilder.Build(of), of);
        Assert.Equal(GraphText.Print(Run(spec)), string.Concat(GraphText.Print(Run(pruned)).Split("\npruned ")[0]));
        Assert.EndsWith("pruned blocks.0+2.mlp.down.weight\n", GraphText.Print(Run(pruned)), StringComparison.Ordinal);
        Assert.Equal(Pipelines.Run(Pipelines.Inference, GraphBuilder.Build(spec), spec), Pipelines.Run(Pipelines.Inference, GraphBuilder.Build(pruned), pruned));
    }

    [Theory]
    [InlineData("blocks.*.mpl", "did you mean 'blocks.*.mlp")]
    [InlineData("blocks.2.mlp", "the model has no linear layer 'blocks.2.mlp'")]
    [InlineData("norm", "the model has no linear layer 'norm'")]
    public void A_target_without_a_linear_layer_is_refused(string target, string message)
    {
        var diagnostic = Refused(Spec(new() { Sparsity = 0.5, Targets = EquatableArray.Of("blocks", target) }));
        Assert.Equal(("MC3020", "efficiency.pruning.targets[1]"), (diagnostic.Id, diagnostic.SpecPath));
        Assert.Contains(message, diagnostic.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tied_head_is_refused()
    {
        var spec = Spec(new() { Sparsity = 0.5, Targets = EquatableArray.Of("head") });
        var diagnostic = Refused(spec with { Architecture = spec.Architecture with { TieEmbeddings = true } });
        Assert.Equal("MC3020", diagnostic.Id);
        Assert.Contains("tie-embeddings: false", diagnostic.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pattern_divides_the_rows()
    {
        var spec = Spec(new() { Pattern = "8:16" });
        var diagnostic = Refused(spec with { Architecture = spec.Architecture with { Width = 40, HeadSize = 16, Heads = 2, Mlp = new() { Hidden = 32 } } });
        Assert.Equal("MC2141", diagnostic.Id);
        Assert.Contains("40 weights", diagnostic.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Experts_are_pruned_by_methods_that_need_no_inputs()
    {
        ModelSpec Of(PruningMethod method)
        {
            var spec = Spec(new() { Method = method, Sparsity = 0.5 });
            return spec with { Architecture = spec.Architecture with { Experts = new() { Count = 2 } } };
        }

        Assert.Contains(ModelCompilation.Compile(Of(PruningMethod.Magnitude)).Model!.Training.Pruned, p => p.Part == "experts.1.down.weight");
        Assert.Equal("MC2144", Refused(Of(PruningMethod.Sparsegpt)).Id);
    }

    [Fact]
    public void What_is_removed_is_counted()
    {
        var costs = ModelCompilation.Compile(Spec(new() { Sparsity = 0.5, Targets = EquatableArray.Of("blocks.*.mlp") })).Model!.Costs;
        Assert.Equal((2 * 2 * 32 * 128L, 2 * 32 * 128L), (costs.PrunableWeights, costs.PrunedWeights));
        Assert.Equal((4 * (costs.Parameters - costs.PrunedWeights)) + (costs.PrunableWeights / 8), costs.SparseBytes);
        var plain = ModelCompilation.Compile(Spec(null)).Model!.Costs;
        Assert.Equal((plain.ForwardFlops, plain.Fp32FileBytes), (costs.ForwardFlops, costs.Fp32FileBytes)); // no speed, and files keep the zeros
        Assert.Equal(plain.TrainingBytes + costs.PruningBytes, costs.TrainingBytes);
    }

    private static Diagnostic Refused(ModelSpec spec) => Assert.Single(ModelCompilation.Compile(spec).Diagnostics);

    private static IEnumerable<(string, string, int, int)> Pruned(PruningSpec pruning) =>
        ModelCompilation.Compile(Spec(pruning)).Model!.Training.Pruned.Select(p => (p.Block, p.Part, p.First, p.Count));

    private static ModelSpec Spec(PruningSpec? pruning) => Models.Gpt2 with
    {
        Architecture = Models.Gpt2.Architecture with { Vocabulary = 256, Context = 8, Width = 32, Layers = 2 },
        Efficiency = new() { Pruning = pruning },
    };
}
