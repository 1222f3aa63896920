using ModelCompiler.Generators.Tests.Support;

namespace ModelCompiler.Generators.Tests.Attributes;

/// <summary>Diagnostics of models in attributes, at the attribute, the argument, or the line of YAML within it.</summary>
public sealed class AttributeReaderTests
{
    [Fact]
    public void A_value_out_of_range_is_reported_at_its_argument()
    {
        var run = GeneratorRun.OfCSharp(AttributedModels.Gpt2Like.Replace("Heads = 4", "Heads = 0"));

        Assert.StartsWith("Models.cs(6,74): error MC1012: architecture.heads is 0", Assert.Single(run.Diagnostics));
    }

    [Fact]
    public void What_the_validator_finds_is_reported_at_its_argument()
    {
        var run = GeneratorRun.OfCSharp(AttributedModels.Gpt2Like.Replace("Heads = 4", "Heads = 5"));

        Assert.StartsWith("Models.cs(6,74): error MC2001:", Assert.Single(run.Diagnostics));
    }

    [Fact]
    public void A_missing_key_is_reported_at_the_attribute()
    {
        var run = GeneratorRun.OfCSharp(AttributedModels.Gpt2Like.Replace("Width = 48, ", ""));

        Assert.StartsWith("Models.cs(6,2): error MC1007:", Assert.Single(run.Diagnostics));
    }

    [Fact]
    public void A_value_that_is_no_member_of_its_enum()
    {
        var run = GeneratorRun.OfCSharp(AttributedModels.LlamaLike.Replace("NormKind.Rms", "(NormKind)77"));

        Assert.StartsWith("Models.cs(8,63): error MC1011: architecture.norm cannot be '77'", Assert.Single(run.Diagnostics));
    }

    [Theory]
    [InlineData("[Blocks(\"\"\"\n    - embedding: learned\n    - hed: none\n    \"\"\")]", "Models.cs(5,7): error MC1013:")]
    [InlineData("[Blocks(\"\"\"[embedding: learned, hed: none]\"\"\")]", "Models.cs(3,33): error MC1013:")]
    [InlineData("[Blocks(\"[embedding: learned, hed: none]\")]", "Models.cs(3,31): error MC1013:")]
    [InlineData("[Blocks(@\"\n- embedding: learned\n- hed: none\n\")]", "Models.cs(5,3): error MC1013:")]
    [InlineData("[Blocks(\"- embedding: learned\\n- hed: none\")]", "Models.cs(3,9): error MC1013:")]
    [InlineData("[Blocks(Lm.Text)]", "Models.cs(3,9): error MC1013:")]
    public void An_unknown_layer_is_reported_in_its_line(string blocks, string expected)
    {
        var run = GeneratorRun.OfCSharp(
            $$"""
            using ModelCompiler;
            [Model, Architecture(Vocabulary = 256, Context = 64, Width = 64)]
            {{blocks}}
            partial class Lm { internal const string Text = "[embedding: learned, hed: none]"; }
            """);

        Assert.StartsWith(expected, Assert.Single(run.Diagnostics));
    }

    [Fact]
    public void Malformed_YAML_is_reported_in_its_line()
    {
        var run = GeneratorRun.OfCSharp(AttributedModels.CustomBlocks.Replace("- embedding: learned", "- [embedding: learned"));

        Assert.Contains(run.Diagnostics, text => text.Contains("error MC1002:"));
        Assert.All(run.Result.Diagnostics, diagnostic => Assert.InRange(diagnostic.Location.GetLineSpan().StartLinePosition.Line, 7, 24));
    }

    [Fact]
    public void Attributes_may_stand_on_several_parts()
    {
        var run = new GeneratorRun()
            .SetCSharp("Models.cs", "using ModelCompiler; [Model] partial class Lm;")
            .SetCSharp("Sizes.cs", "using ModelCompiler; [Decoder(Vocabulary = 256, Context = 64, Layers = 2, Width = 64, Heads = 5)] partial class Lm;")
            .Run();

        Assert.StartsWith("Models.cs(1,44): error MC2001:", Assert.Single(run.Diagnostics));
    }

    [Fact]
    public void A_value_that_is_no_constant_is_left_to_the_CSharp_compiler()
    {
        var run = GeneratorRun.OfCSharp(AttributedModels.Gpt2Like.Replace("Dropout = 0.1", "Dropout = System.Math.Sin(1)"));

        Assert.Empty(run.Diagnostics);
    }

    [Fact]
    public void A_name_is_unique_across_both_front_ends()
    {
        var run = new GeneratorRun()
            .SetYaml("gpt.model.yaml", SampleModels.Gpt2Like)
            .SetCSharp("Models.cs", AttributedModels.Gpt2Like)
            .Run();

        Assert.Equal(
            ["Models.cs(9,15): error MC1021: the project has another model named TinyGpt, at gpt.model.yaml(1); rename one",
             "gpt.model.yaml(1,8): error MC1021: the project has another model named TinyGpt, at Models.cs(9); rename one"],
            run.Diagnostics.Order(StringComparer.Ordinal));
        Assert.Empty(run.HintNames);
    }

    [Fact]
    public void The_class_gives_the_namespace()
    {
        var run = GeneratorRun.OfCSharp(AttributedModels.Gpt2Like.Replace("namespace Demo;", "namespace Acme.Models;"));

        Assert.Contains("namespace Acme.Models", run.Source("TinyGpt.g.cs"));
    }
}
