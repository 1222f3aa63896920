using ModelCompiler.Generators.Tests.Support;

namespace ModelCompiler.Generators.Tests.Pipeline;

/// <summary>Models that judge the samples of others in their project.</summary>
public sealed class ScoringModelsTests
{
    private const string Rho =
        """
        model: TinyLm
        architecture: { family: decoder, vocabulary: 256, context: 32, layers: 2, width: 48, heads: 4 }
        training:
          subset: { method: rho-loss, holdout: SmallLm }

        """;

    private const string Small =
        """
        model: SmallLm
        namespace: Elsewhere
        architecture: { family: decoder, vocabulary: 256, context: 32, layers: 1, width: 16, heads: 2 }

        """;

    [Theory]
    [InlineData("subset: { method: rho-loss, holdout: SmallLm }")]
    [InlineData("curriculum: { metric: loss, model: SmallLm }")]
    public void Generated_code_makes_the_scoring_model(string directive)
    {
        var run = GeneratorRun.OfYaml(("tiny.model.yaml", Rho.Replace("subset: { method: rho-loss, holdout: SmallLm }", directive)), ("small.model.yaml", Small));

        Assert.Empty(run.Diagnostics);
        Assert.Contains("ScoringModel = device => global::Elsewhere.SmallLm.Create(device, seed: 0),", run.Text());
    }

    [Theory]
    [InlineData("SmalLm", "error MC2036: the project has no model 'SmalLm'; did you mean 'SmallLm'?")]
    [InlineData("TinyLm", "error MC2036: TinyLm cannot judge its own samples; name another model")]
    public void An_unknown_model_is_an_error(string name, string expected)
    {
        var run = GeneratorRun.OfYaml(("tiny.model.yaml", Rho.Replace("SmallLm", name)), ("small.model.yaml", Small));

        Assert.Equal("tiny.model.yaml(4,40): " + expected, Assert.Single(run.Diagnostics));
        Assert.DoesNotContain("TinyLm.g.cs", run.HintNames);
    }

    [Fact]
    public void A_project_without_other_models_is_told_to_declare_one() => Assert.Equal(
        "tiny.model.yaml(4,40): error MC2036: the project has no model 'SmallLm'; declare it, in a file such as smalllm.model.yaml",
        Assert.Single(GeneratorRun.OfYaml(("tiny.model.yaml", Rho)).Diagnostics));

    [Fact]
    public void A_model_of_another_context_does_not_fit()
    {
        var run = GeneratorRun.OfYaml(("tiny.model.yaml", Rho), ("small.model.yaml", Small.Replace("context: 32", "context: 64")));

        Assert.Equal(
            "tiny.model.yaml(4,40): error MC2037: SmallLm has a vocabulary of 256 and a context of 64, but TinyLm 256 and 32; give them the same",
            Assert.Single(run.Diagnostics));
    }
}
