using ModelCompiler.Compiler.Sizing;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Sizing;

public class ChooseSizeTests
{
    [Theory]
    [InlineData(300e3, 256, PositionKind.Learned)]
    [InlineData(1e6, 256, PositionKind.Learned)]
    [InlineData(10e6, 256, PositionKind.Rope)]
    [InlineData(124e6, 50257, PositionKind.Learned)]
    [InlineData(1.5e9, 50257, PositionKind.Learned)]
    [InlineData(7e9, 32000, PositionKind.Rope)]
    public void A_choice_is_near_its_target_and_of_usual_proportions(double target, int vocabulary, PositionKind position)
    {
        var model = Compile(Spec(new() { Parameters = new(target) }, vocabulary), a => a with { Position = position });

        Assert.InRange(model.Costs.Parameters, target * (1 - ChooseSize.Tolerance), target * (1 + ChooseSize.Tolerance));
        var a = model.Spec.Architecture;
        Assert.InRange(a.Width / (double)a.Layers!.Value, 16, 256);
        Assert.Equal(0, a.Width % 32);
        Assert.Contains(a.Width / a.Heads!.Value, new[] { 32, 64 });
        Assert.Equal(new SizeChoice(new() { Parameters = new(target) }, a.Width, a.Layers.Value, a.Heads.Value), model.Size);
        Assert.Null(a.Size);
    }

    [Theory]
    [InlineData(Family.Encoder, 3e6)]
    [InlineData(Family.Albert, 1e6)]
    [InlineData(Family.TransformerXl, 3e6)]
    public void Other_families_are_sized_too(Family family, double target)
    {
        var model = Compile(Spec(new() { Parameters = new(target) }, vocabulary: 1024), a => a with { Family = family, Position = null, Memory = family == Family.TransformerXl ? 16 : null });
        Assert.InRange(model.Costs.Parameters, target * (1 - ChooseSize.Tolerance), target * (1 + ChooseSize.Tolerance));
    }

    [Fact]
    public void Layers_are_whole_groups_of_local_and_global_ones()
    {
        var model = Compile(Spec(new() { Parameters = new(5e6) }), a => a with { Window = 16, GlobalEvery = 3 });
        Assert.InRange(model.Costs.Parameters, 4.75e6, 5.25e6);
        Assert.Equal(0, model.Spec.Architecture.Layers % 3);
    }

    /// <summary>What no size mends is the declaration's error, not the size's.</summary>
    [Fact]
    public void Errors_beside_the_size_are_told_as_they_are()
    {
        var spec = Spec(new() { Parameters = new(5e6) });
        var experts = ModelCompilation.Compile(spec with { Architecture = spec.Architecture with { Experts = new() { Count = 8, TopK = 9 } } });
        Assert.StartsWith("architecture.experts", Assert.Single(experts.Diagnostics).SpecPath);
        var classes = ModelCompilation.Compile(spec with
        {
            Architecture = spec.Architecture with { Family = Family.Encoder, Position = null },
            Training = spec.Training with { Objective = new() { Kind = ObjectiveKind.Classification } },
        });
        Assert.NotEmpty(classes.Diagnostics);
        Assert.DoesNotContain(classes.Diagnostics, diagnostic => diagnostic.Id == "MC4999");
    }

    [Fact]
    public void What_is_given_is_kept()
    {
        var ten = new SizeSpec { Parameters = new(10e6) };
        var width = Compile(Spec(ten), a => a with { Width = 256 }).Spec.Architecture;
        Assert.Equal(256, width.Width);
        var layers = Compile(Spec(ten), a => a with { Layers = 4 }).Spec.Architecture;
        Assert.Equal(4, layers.Layers);
        var heads = Compile(Spec(ten), a => a with { Heads = 6, KvHeads = 3 }).Spec.Architecture;
        Assert.Equal((6, 0), (heads.Heads, heads.Width % 6));
        var kv = Compile(Spec(ten), a => a with { KvHeads = 5 }).Spec.Architecture;
        Assert.Equal(0, kv.Heads % 5);
    }

    [Fact]
    public void Shared_layers_count_once()
    {
        var model = Compile(Spec(new() { Parameters = new(5e6) }), a => a with { Share = new() { Groups = 2 } });
        Assert.InRange(model.Costs.Parameters, 4.75e6, 5.25e6);
        Assert.Equal(0, model.Spec.Architecture.Layers % 2);
    }

    /// <summary>Table 3 of Hoffmann et al. 2022: 400 million parameters for 1.92e19 FLOPs, 1 billion for 1.21e20.</summary>
    [Theory]
    [InlineData(1.92e19, 400e6)]
    [InlineData(1.21e20, 1e9)]
    public void Compute_follows_the_rule_of_twenty_tokens_a_parameter(double compute, double parameters) =>
        Assert.Equal(parameters, new SizeSpec { Compute = new(compute) }.Target, tolerance: 0.01 * parameters);

    [Fact]
    public void A_choice_for_compute_is_near_its_target()
    {
        var model = Compile(Spec(new() { Compute = new(1e17) }), a => a);
        Assert.InRange(model.Costs.Parameters, 0.95 * Math.Sqrt(1e17 / 120), 1.05 * Math.Sqrt(1e17 / 120));
    }

    [Fact]
    public void An_unreachable_target_is_an_error_with_the_nearest()
    {
        var result = ModelCompilation.Compile(Spec(new() { Parameters = new(1000) }));
        var diagnostic = Assert.Single(result.Diagnostics);
        Assert.Equal(("MC2101", "architecture.size"), (diagnostic.Id, diagnostic.SpecPath));
        Assert.Contains("of width 32 in 1 layers", diagnostic.Message);
    }

    [Fact]
    public void Heads_that_fit_no_width_are_an_error()
    {
        var spec = Spec(new() { Parameters = new(10e6) });
        var result = ModelCompilation.Compile(spec with { Architecture = spec.Architecture with { Heads = 7, Width = 128 } });
        Assert.Contains("no width and number of heads fit together beside the given 'width', 'heads'", Assert.Single(result.Diagnostics).Message);
    }

    private static ModelSpec Spec(SizeSpec size, int vocabulary = 256) => new()
    {
        Model = "Sized",
        Architecture = new() { Family = Family.Decoder, Vocabulary = vocabulary, Context = 128, Size = size },
        Training = new() { Data = new() { Tokenizer = vocabulary == 256 ? TokenizerKind.Bytes : TokenizerKind.Bpe } },
    };

    private static CompiledModel Compile(ModelSpec spec, Func<ArchitectureSpec, ArchitectureSpec> change)
    {
        var result = ModelCompilation.Compile(spec with { Architecture = change(spec.Architecture) });
        Assert.Empty(result.Diagnostics);
        return result.Model!;
    }
}
