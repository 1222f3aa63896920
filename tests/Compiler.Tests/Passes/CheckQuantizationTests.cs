using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Passes;

public sealed class CheckQuantizationTests
{
    [Theory]
    [InlineData("head")]
    [InlineData("blocks")]
    [InlineData("blocks.1")]
    [InlineData("blocks.*.mlp.*")]
    public void A_linear_layer_can_be_kept(string pattern) => Assert.Empty(Compile(pattern).Diagnostics);

    [Theory]
    [InlineData("haed", "did you mean 'head'?")]
    [InlineData("blocks.*.norm1", "blocks.*.attention.qkv")]
    public void A_pattern_that_matches_none_is_an_error(string pattern, string suggestion)
    {
        var diagnostic = Assert.Single(Compile(pattern).Diagnostics);
        Assert.Equal(("MC2131", "efficiency.quantization.keep[0]"), (diagnostic.Id, diagnostic.SpecPath));
        Assert.Contains(suggestion, diagnostic.Message, StringComparison.Ordinal);
    }

    private static CompilationResult Compile(string pattern) => ModelCompilation.Compile(Models.Gpt2 with
    {
        Architecture = Models.Gpt2.Architecture with { Vocabulary = 256 },
        Efficiency = new EfficiencySpec
        {
            Quantization = new QuantizationSpec { Weights = WeightType.Int4, Keep = EquatableArray.Of(pattern) },
        },
    });
}
