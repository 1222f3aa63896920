using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Scoring;

/// <summary>Models that are scored in another precision than they train in, through the whole pipeline.</summary>
public sealed class CompileScoringTests
{
    private static CompiledModel Compiled(SubsetSpec subset, Precision compute = Precision.Fp32)
    {
        var result = ModelCompilation.Compile(Models.Gpt2 with
        {
            Architecture = Models.Gpt2.Architecture with { Vocabulary = 256, Dropout = 0.1 },
            Efficiency = new() { Precision = new() { Compute = compute } },
            Training = Models.Gpt2.Training with { Subset = subset },
        });
        Assert.Empty(result.Diagnostics);
        return result.Model!;
    }

    private static List<Node> Nodes(Graph graph) => [.. graph.Main.Nodes, .. graph.Blocks.SelectMany(block => block.Nodes)];

    [Fact]
    public void Scores_are_the_losses_of_a_forward_pass_in_its_precision_without_dropout_or_gradients()
    {
        var scoring = Compiled(new() { Method = SubsetMethod.SelectiveBackprop, Precision = Precision.Bf16 }).Scoring!;
        var graph = scoring.Model.Training;
        Assert.Equal([GraphBuilder.LossBySequence], graph.Main.Outputs);
        Assert.DoesNotContain(Nodes(graph), node => node.Op == "dropout" || node.Op.Contains("grad", StringComparison.Ordinal));
        Assert.All(Nodes(graph).Where(node => node.Op == "linear"), node => Assert.Equal(DType.BF16, node.Outputs[0].Type!.DType));
    }

    /// <summary>The logits of a step may then be divided.</summary>
    [Fact]
    public void Errors_are_no_longer_computed_by_the_training_program()
    {
        var apart = Compiled(new() { Method = SubsetMethod.El2n, Precision = Precision.Bf16 });
        Assert.Equal([GraphBuilder.Errors], apart.Scoring!.Model.Training.Main.Outputs);
        Assert.DoesNotContain(Nodes(apart.Training), node => node.Op == ErrorNorm.OpName);
        Assert.Contains(Nodes(Compiled(new() { Method = SubsetMethod.El2n }).Training), node => node.Op == ErrorNorm.OpName);
    }

    [Theory]
    [InlineData(null, Precision.Fp32)]
    [InlineData(Precision.Bf16, Precision.Bf16)]
    public void Trainings_own_pass_serves_where_its_precision_is_the_same(Precision? precision, Precision compute) =>
        Assert.Null(Compiled(new() { Method = SubsetMethod.SelectiveBackprop, Precision = precision }, compute).Scoring);

    /// <summary>It reads the masters that training's program lays out.</summary>
    [Fact]
    public void The_layout_is_that_of_training_in_a_causal_encoder_too()
    {
        var spec = Models.Gpt2 with
        {
            Architecture = Models.Gpt2.Architecture with { Family = Family.Encoder, Vocabulary = 256 },
            Training = Models.Gpt2.Training with { Objective = new() { Kind = ObjectiveKind.Causal }, Subset = new() { Method = SubsetMethod.SelectiveBackprop, Precision = Precision.Bf16 } },
        };
        var model = ModelCompilation.Compile(spec).Model!;
        Assert.Equal(Places(model.Layout), Places(model.Scoring!.Model.Layout));

        static IEnumerable<(string, string, long)> Places(ParameterLayout layout) => layout.Slots.Select(slot => (slot.Block, slot.Parameter.Name, slot.Offset));
    }

    [Fact]
    public void A_budget_of_activations_is_one_of_its_too()
    {
        var spec = Models.Gpt2 with
        {
            Architecture = Models.Gpt2.Architecture with { Vocabulary = 256 },
            Training = Models.Gpt2.Training with { Subset = new() { Method = SubsetMethod.El2n, Precision = Precision.Bf16 } },
        };
        var needed = ModelCompilation.Compile(spec).Model!.Scoring!.ArenaBytes;
        Assert.Equal("MC3001", ModelCompilation.Compile(spec.With(new CheckpointSpec { Budget = new ByteSize(needed - 1) })).Diagnostics.Single().Id);
    }

    [Fact]
    public void The_weights_in_its_precision_and_its_arena_are_counted()
    {
        var (plain, apart) = (Compiled(new() { Method = SubsetMethod.SelectiveBackprop }), Compiled(new() { Method = SubsetMethod.SelectiveBackprop, Precision = Precision.Bf16 }));
        Assert.InRange(apart.Costs.ScoringBytes, 2 * apart.Layout.Count, 4 * apart.Layout.Count);
        Assert.Equal(apart.Costs.ScoringBytes, apart.Costs.TrainingBytes - plain.Costs.TrainingBytes);
        Assert.InRange(apart.Scoring!.ArenaBytes, 1, apart.ArenaBytes);
    }
}
