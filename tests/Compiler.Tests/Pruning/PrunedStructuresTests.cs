using ModelCompiler.Compiler.Pruning;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Pruning;

public sealed class PrunedStructuresTests
{
    [Fact]
    public void A_head_has_rows_of_its_projections_and_columns_of_the_one_back()
    {
        var structure = Assert.Single(Compile(new() { Heads = 2 }).Structures);
        Assert.Equal((PrunedPartKind.Heads, "blocks.*.attention", 4, 2, 3), (structure.Kind, structure.Name, structure.Groups, structure.Kept, structure.Choices));
        Assert.Equal(
            [("attention.q.weight", 32, 32, false), ("attention.k.weight", 32, 32, false), ("attention.v.weight", 32, 32, false), ("attention.proj.weight", 32, 32, true),
             ("attention.q.bias", 32, 1, false), ("attention.k.bias", 32, 1, false), ("attention.v.bias", 32, 1, false)],
            structure.Axes.Select(axis => (axis.Part, axis.Rows, axis.Columns, axis.ByColumns)));
    }

    [Fact]
    public void A_neuron_has_a_row_and_a_column()
    {
        var structure = Assert.Single(Compile(new() { Hidden = 50 }).Structures);
        Assert.Equal((PrunedPartKind.Hidden, 128, 50), (structure.Kind, structure.Groups, structure.Kept));
        Assert.Equal([("mlp.up.weight", false), ("mlp.down.weight", true), ("mlp.up.bias", false)], structure.Axes.Select(axis => (axis.Part, axis.ByColumns)));
    }

    [Fact]
    public void A_channel_is_in_all_that_reads_or_writes_the_stream()
    {
        var model = Compile(new() { Width = 24 }, a => a with { Norm = NormKind.Rms, TieEmbeddings = true });
        var axes = Assert.Single(model.Structures).Axes;
        Assert.Equal(
            ["embedding.weight", "embedding.position.weight", "attention.q.weight", "attention.k.weight", "attention.v.weight", "attention.proj.weight", "mlp.up.weight", "mlp.down.weight",
             "norm.weight", "norm1.weight", "attention.proj.bias", "norm2.weight", "mlp.down.bias"],
            axes.Select(axis => axis.Part));
        Assert.All(axes, axis => Assert.Equal(axis.Part.StartsWith("norm", StringComparison.Ordinal) ? Math.Sqrt(32.0 / 24) : 1, axis.Scale));
        Assert.Equal(1e-5 * 32 / 24, model.Pruned!.Spec.Architecture.NormEpsilon!.Value, 12);
    }

    [Fact]
    public void What_is_left_is_the_model_of_these_sizes()
    {
        var model = Compile(new() { Heads = 2, Hidden = 50, Layers = 2 });
        var expected = ModelCompilation.Compile(Models.Gpt2 with
        {
            Model = "TinyPruned",
            Architecture = Architecture with { Layers = 2, Heads = 2, HeadSize = 8, Mlp = new() { Hidden = 50 } },
        }).Model!;
        Assert.Equal(expected.Costs.Parameters, model.Pruned!.Costs.Parameters);
        Assert.Equal(expected.Costs.ForwardFlops, model.Costs.Pruned!.ForwardFlops);
        Assert.True(model.Costs.Pruned.KvCacheBytes * 3 == model.Costs.KvCacheBytes);
        Assert.Equal(Models.Gpt2.Model + "Pruned", model.Pruned.Spec.Model);
        Assert.Null(model.Pruned.Pruned);
    }

    /// <summary>Six layers in three groups of a local and a global one: one group is left.</summary>
    [Fact]
    public void Layers_in_turns_are_removed_in_groups()
    {
        var model = Compile(new() { Layers = 2 }, a => a with { Layers = 6, Window = 4, GlobalEvery = 2 });
        var structure = Assert.Single(model.Structures);
        Assert.Equal((PrunedPartKind.Layers, 3, 1), (structure.Kind, structure.Groups, structure.Kept));
        Assert.All(model.Pruned!.Layout.Slots.Where(slot => slot.Block.Length > 0), slot => Assert.Equal(1, slot.Sets));
    }

    [Theory]
    [InlineData("checkpoint")]
    [InlineData("token-drop")]
    public void What_names_layers_of_the_training_is_not_of_the_smaller_model(string directive)
    {
        var spec = Models.Gpt2 with { Architecture = Architecture with { Layers = 6 }, Efficiency = new() { Pruning = new() { To = new() { Layers = 2 } } } };
        spec = spec with
        {
            Efficiency = directive == "checkpoint"
                ? spec.Efficiency with { Checkpoint = new() { Boundaries = EquatableArray.Of("blocks.4") } }
                : spec.Efficiency with { TokenDrop = new() { From = 4, Steps = 10, Multiple = 4, KeepLayers = 2 } },
        };
        var result = ModelCompilation.Compile(spec);
        Assert.Empty(result.Diagnostics);
        Assert.Equal((null, null), (result.Model!.Pruned!.Spec.Efficiency.Checkpoint, result.Model.Pruned.Spec.Efficiency.TokenDrop));
    }

    /// <summary>Not a warning that stands before it.</summary>
    [Fact]
    public void What_keeps_the_smaller_model_from_being_is_said()
    {
        var result = ModelCompilation.Compile(Models.Gpt2 with
        {
            Architecture = Architecture,
            Efficiency = new() { Pruning = new() { To = new() { Hidden = 16 } }, Quantization = new() { Weights = WeightType.Int4 } },
            Training = Models.Gpt2.Training with { ValidateEvery = 5000 },
        });
        Assert.Equal(["MC2148", "MC2026", "MC2147"], result.Diagnostics.Select(diagnostic => diagnostic.Id));
        Assert.Contains("the smaller model cannot be: the rows of 'blocks.*.mlp.down' have 16 weights", result.Diagnostics[2].Message, StringComparison.Ordinal);
    }

    private static ArchitectureSpec Architecture => Models.Gpt2.Architecture with { Vocabulary = 256, Context = 8, Width = 32, Heads = 4, Layers = 3 };

    private static CompiledModel Compile(PrunedSizesSpec to, Func<ArchitectureSpec, ArchitectureSpec>? change = null)
    {
        var spec = Models.Gpt2 with { Architecture = (change ?? (a => a))(Architecture), Efficiency = new() { Pruning = new() { To = to } } };
        var result = ModelCompilation.Compile(spec);
        Assert.Empty(result.Diagnostics);
        return result.Model!;
    }
}
