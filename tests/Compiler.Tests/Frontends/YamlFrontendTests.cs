using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Compiler.Tests.Specs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Frontends;

public class YamlFrontendTests
{
    public static TheoryData<string> Good => new(SpecFiles.Good);

    public static TheoryData<string> Bad => new(SpecFiles.Bad);

    [Theory, MemberData(nameof(Good))]
    public void Good_examples_give_a_spec_and_no_diagnostic(string file) =>
        Assert.NotNull(Reading.ReadGood(SpecFiles.Read(file)));

    /// <summary>The first line of a bad example states the diagnostics: id, line and column from one, parts of the message.</summary>
    [Theory, MemberData(nameof(Bad))]
    public void Bad_examples_give_the_diagnostics_they_state(string file)
    {
        var text = SpecFiles.Read(file);
        var stated = text.Split('\n')
            .Where(line => line.StartsWith("# expect: ", StringComparison.Ordinal))
            .Select(line => line["# expect: ".Length..].Split(' ', 3))
            .ToArray();
        var found = Reading.Diagnose(text);

        Assert.Equal(
            stated.Select(parts => $"{parts[0]} {parts[1]}"),
            found.Select(d => $"{d.Id} {d.Span.StartLine + 1}:{d.Span.StartColumn + 1}"));
        foreach (var (parts, diagnostic) in stated.Zip(found)) Assert.Contains(parts[2], diagnostic.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_key_reaches_its_property()
    {
        var spec = Reading.ReadGood(SpecFiles.Read("good/tiny.model.yaml"));
        var expected = new ModelSpec
        {
            Model = "TinyLm",
            Architecture = new ArchitectureSpec
            {
                Family = Family.Decoder,
                Vocabulary = 256,
                Context = 256,
                Layers = 6,
                Width = 384,
                Heads = 6,
                KvHeads = 2,
                Position = PositionKind.Rope,
                Norm = NormKind.Rms,
                Mlp = new FamilyMlpSpec { Kind = MlpKind.Swiglu, Hidden = 1024 },
                TieEmbeddings = true,
            },
            Efficiency = new EfficiencySpec
            {
                Precision = new PrecisionSpec { Compute = Precision.Bf16, Master = Precision.Fp32 },
                Checkpoint = new CheckpointSpec { Boundaries = EquatableArray.Of("blocks.2", "blocks.4") },
            },
            Training = new TrainingSpec
            {
                Batch = 8,
                Optimizer = new OptimizerSpec { LearningRate = 3e-4, Warmup = 100, Decay = DecayKind.Cosine },
            },
        };
        Assert.Equal(expected, spec);
    }

    [Fact]
    public void Shorthands_and_mappings_give_the_same_spec()
    {
        const string Start = "model: M\narchitecture:\n  family: decoder\n  vocabulary: 256\n  context: 8\n  width: 8\n  layers: 1\n  heads: 1\n";
        Assert.Equal(
            Reading.ReadGood(Start + "  mlp: { kind: silu }\nefficiency: { precision: { compute: bf16 } }\ntraining: { data: { source: a.txt } }\n"),
            Reading.ReadGood(Start + "  mlp: silu\nefficiency: { precision: bf16 }\ntraining: { data: a.txt }\n"));
    }

    [Fact]
    public void The_decoder_family_is_the_decoder_written_out_in_blocks()
    {
        var family = Reading.ReadGood(SpecFiles.Read("good/tiny.model.yaml"));
        var blocks = Reading.ReadGood(SpecFiles.Read("good/blocks.model.yaml"));

        Assert.Equal(Decoder.Layers(family.Architecture), blocks.Architecture.Blocks);
        Assert.NotEqual(Decoder.Layers(family.Architecture with { Bias = false }), blocks.Architecture.Blocks);
    }

    [Fact]
    public void Equal_texts_give_equal_results_and_comments_move_only_positions()
    {
        var text = SpecFiles.Read("good/gated.model.yaml");
        var result = YamlFrontend.Read(text, "a.yaml");
        var moved = YamlFrontend.Read("# a comment\n" + text, "a.yaml");

        Assert.Equal(result, YamlFrontend.Read(text, "a.yaml"));
        Assert.Equal(result.Spec, moved.Spec);
        Assert.NotEqual(result.Map, moved.Map);
    }

    [Theory]
    [InlineData("model", 1)]
    [InlineData("architecture.width", 5)]
    [InlineData("architecture.blocks[0].position", 7)]
    [InlineData("architecture.blocks[2].layers[1].layers[1].left[0].out", 20)]
    [InlineData("architecture.blocks[2].layers[1].layers[1].right[0].name", 23)]
    [InlineData("architecture.blocks[3].layers[0].layers[2].rate", 29)]
    [InlineData("architecture.heads", 2)]
    [InlineData("efficiency.checkpoint.every", 37)]
    [InlineData("training.optimizer.learning-rate", 39)]
    [InlineData("training.batch", 38)]
    public void Spec_paths_are_found_on_their_lines(string specPath, int line) =>
        Assert.Equal(line, YamlFrontend.Read(SpecFiles.Read("good/gated.model.yaml"), "a.yaml").Map.Find(specPath).StartLine);
}
