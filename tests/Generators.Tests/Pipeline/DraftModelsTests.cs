using ModelCompiler.Generators.Tests.Support;

namespace ModelCompiler.Generators.Tests.Pipeline;

/// <summary>Models that propose tokens to others in their project.</summary>
public sealed class DraftModelsTests
{
    private const string Large =
        """
        model: TinyLm
        architecture: { family: decoder, vocabulary: 256, context: 32, layers: 2, width: 48, heads: 4 }
        efficiency:
          speculate: { draft: SmallLm, tokens: 6 }

        """;

    private const string Small =
        """
        model: SmallLm
        namespace: Elsewhere
        architecture: { family: decoder, vocabulary: 256, context: 64, layers: 1, width: 16, heads: 2 }

        """;

    [Fact]
    public void Generated_code_makes_the_draft_model()
    {
        var run = GeneratorRun.OfYaml(("tiny.model.yaml", Large), ("small.model.yaml", Small));

        Assert.Empty(run.Diagnostics);
        Assert.Contains(
            "Draft = new DraftSettings(global::Elsewhere.SmallLm.Definition, device => global::Elsewhere.SmallLm.Create(device, seed: 0), 6),", run.Text());
    }

    [Fact]
    public void Attributes_say_the_same()
    {
        var run = GeneratorRun.OfCSharp(
            """
            using ModelCompiler;
            using ModelCompiler.ModelDsl;
            namespace Elsewhere;

            [Model]
            [Decoder(Vocabulary = 256, Context = 32, Layers = 2, Width = 48, Heads = 4)]
            [Speculate(Draft = "SmallLm", Tokens = 6)]
            partial class TinyLm;

            [Model]
            [Decoder(Vocabulary = 256, Context = 64, Layers = 1, Width = 16, Heads = 2)]
            partial class SmallLm;

            """);

        Assert.Empty(run.Diagnostics);
        Assert.Contains("Draft = new DraftSettings(global::Elsewhere.SmallLm.Definition", run.Text());
    }

    [Theory]
    [InlineData("SmalLm", "error MC2150: the project has no model 'SmalLm'; did you mean 'SmallLm'?")]
    [InlineData("TinyLm", "error MC2150: TinyLm gains nothing by its own proposals; name a smaller model")]
    public void An_unknown_model_is_an_error(string name, string expected)
    {
        var run = GeneratorRun.OfYaml(("tiny.model.yaml", Large.Replace("draft: SmallLm", "draft: " + name)), ("small.model.yaml", Small));

        Assert.EndsWith(": " + expected, Assert.Single(run.Diagnostics));
        Assert.DoesNotContain("TinyLm.g.cs", run.HintNames);
    }

    [Fact]
    public void A_model_of_other_tokens_does_not_fit()
    {
        var run = GeneratorRun.OfYaml(("tiny.model.yaml", Large), ("small.model.yaml", Small.Replace("vocabulary: 256", "vocabulary: 260") + "training: { data: { tokenizer: bpe } }\n"));

        Assert.EndsWith("error MC2151: SmallLm has a vocabulary of 260, but TinyLm 256; give them the same tokenizer", Assert.Single(run.Diagnostics));
    }
}
