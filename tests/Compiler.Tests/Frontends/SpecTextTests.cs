using ModelCompiler.Compiler.Frontends;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Frontends;

/// <summary>What is written as text is read back as the same model.</summary>
public sealed class SpecTextTests
{
    [Fact]
    public void A_model_of_a_family_comes_back()
    {
        var spec = new ModelSpec
        {
            Model = "Imported",
            Architecture = new ArchitectureSpec
            {
                Family = Family.Decoder,
                Vocabulary = 300,
                Context = 64,
                Layers = 2,
                Width = 48,
                Heads = 4,
                KvHeads = 2,
                Position = PositionKind.Rope,
                RopeTheta = 1e6,
                Norm = NormKind.Rms,
                Mlp = new FamilyMlpSpec { Kind = MlpKind.ReluSquared, Hidden = 100 },
                Bias = false,
                TieEmbeddings = true,
            },
            Efficiency = new EfficiencySpec { Precision = new PrecisionSpec { Compute = Precision.Bf16, Fp32 = EquatableArray.Of("head", "blocks.*.mlp.*") } },
            Training = new TrainingSpec
            {
                Batch = 2,
                Optimizer = new OptimizerSpec { LearningRate = 3e-5, Warmup = 7 },
                Data = new DataSpec { Source = "it's: a # path\\x", Tokenizer = TokenizerKind.Bpe },
            },
        };
        var read = YamlFrontend.Read(SpecText.Write(spec), "imported.model.yaml");
        Assert.Empty(read.Diagnostics);
        Assert.Equal(spec, read.Spec);
    }

    [Fact]
    public void Defaults_are_left_out() => Assert.Equal(
        "model: A\narchitecture:\n  family: decoder\n  vocabulary: 256\n  context: 8\n  width: 4\n  mlp: { hidden: 5 }\n",
        SpecText.Write(new ModelSpec
        {
            Model = "A",
            Architecture = new ArchitectureSpec { Family = Family.Decoder, Vocabulary = 256, Context = 8, Width = 4, Mlp = new FamilyMlpSpec { Hidden = 5 } },
        }));
}
