using System.Text.RegularExpressions;
using ModelCompiler.Generators.Tests.Support;

namespace ModelCompiler.Generators.Tests;

/// <summary>The same model in YAML and in attributes gives the same generated text, but for where it says it was declared.</summary>
public sealed partial class FrontendEquivalenceTests
{
    [Theory]
    [InlineData(SampleModels.Gpt2Like, AttributedModels.Gpt2Like)]
    [InlineData(SampleModels.LlamaLike, AttributedModels.LlamaLike)]
    [InlineData(SampleModels.Recurrent, AttributedModels.Recurrent)]
    [InlineData(SampleModels.Latent, AttributedModels.Latent)]
    [InlineData(SampleModels.QwenLike, AttributedModels.QwenLike)]
    [InlineData(SampleModels.GemmaLike, AttributedModels.GemmaLike)]
    [InlineData(SampleModels.CustomBlocks, AttributedModels.CustomBlocks)]
    [InlineData(SampleModels.Bf16WithCheckpoint, AttributedModels.Bf16WithCheckpoint)]
    [InlineData(SampleModels.ChosenData, AttributedModels.ChosenData)]
    [InlineData(SampleModels.Scaled, AttributedModels.Scaled)]
    [InlineData(SampleModels.Guarded, AttributedModels.Guarded)]
    [InlineData(SampleModels.Muon, AttributedModels.Muon)]
    [InlineData(SampleModels.Meta, AttributedModels.Meta)]
    [InlineData(SampleModels.Adapted, AttributedModels.Adapted)]
    [InlineData(SampleModels.Quantized, AttributedModels.Quantized)]
    [InlineData(SampleModels.Sized, AttributedModels.Sized)]
    [InlineData(SampleModels.Averaged, AttributedModels.Averaged)]
    [InlineData(SampleModels.TokenDrop, AttributedModels.TokenDrop)]
    [InlineData(SampleModels.Pruned, AttributedModels.Pruned)]
    [InlineData(SampleModels.PrunedParts, AttributedModels.PrunedParts)]
    [InlineData(SampleModels.Albert, AttributedModels.Albert)]
    [InlineData(SampleModels.Classifier, AttributedModels.Classifier)]
    public void Both_front_ends_give_the_same_code(string yaml, string attributes)
    {
        var fromYaml = GeneratorRun.OfYaml(("tiny.model.yaml", yaml));
        var fromAttributes = GeneratorRun.OfCSharp(attributes);

        Assert.Empty(fromYaml.Diagnostics);
        Assert.Empty(fromAttributes.Diagnostics);
        Assert.Contains("tiny.model.yaml:", fromYaml.Text());
        Assert.Contains("Models.cs:", fromAttributes.Text());
        Assert.Equal(WithoutPlaces(fromYaml.Text()), WithoutPlaces(fromAttributes.Text()));
    }

    [Theory]
    [InlineData(SampleModels.Student, AttributedModels.Student)]
    [InlineData(SampleModels.StudentOfLayers, AttributedModels.StudentOfLayers)]
    [InlineData(SampleModels.StudentOfCache, AttributedModels.StudentOfCache)]
    public void Both_front_ends_give_the_same_student(string yaml, string attributes)
    {
        var fromYaml = GeneratorRun.OfYaml(("big.model.yaml", SampleModels.Teacher), ("tiny.model.yaml", yaml));
        var fromAttributes = new GeneratorRun().SetYaml("big.model.yaml", SampleModels.Teacher).SetCSharp("Models.cs", attributes).Run();

        Assert.Empty(fromYaml.Diagnostics);
        Assert.Empty(fromAttributes.Diagnostics);
        Assert.Equal(WithoutPlaces(fromYaml.Text()), WithoutPlaces(fromAttributes.Text()));
    }

    private static string WithoutPlaces(string text) => Place().Replace(text, "{place}");

    // Comments are aligned, so the spaces before a place go with it.
    [GeneratedRegex(@" *\b(tiny\.model\.yaml|Models\.cs):\d+")]
    private static partial Regex Place();
}
