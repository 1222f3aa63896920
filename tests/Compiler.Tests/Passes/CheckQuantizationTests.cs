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

    /// <summary>A quarter of the bytes of fp32, half of bf16.</summary>
    [Theory]
    [InlineData(Precision.Fp32, 4)]
    [InlineData(Precision.Bf16, 2)]
    public void Keys_and_values_of_8_bits_take_a_byte_each(Precision compute, int bytes)
    {
        long Cache(KvCacheType type) => ModelCompilation.Compile(Models.Gpt2 with
        {
            Architecture = Models.Gpt2.Architecture with { Vocabulary = 256 },
            Efficiency = new EfficiencySpec { Precision = new() { Compute = compute }, Quantization = new QuantizationSpec { Weights = WeightType.Int8, KvCache = type } },
        }).Model!.Costs.KvCacheBytes;
        Assert.Equal(Cache(KvCacheType.Fp32), bytes * Cache(KvCacheType.Int8));
        Assert.True(Cache(KvCacheType.Int8) > 0);
    }

    [Fact]
    public void Models_without_a_cache_have_none_of_8_bits()
    {
        var quantization = new EfficiencySpec { Quantization = new QuantizationSpec { Weights = WeightType.Int8, KvCache = KvCacheType.Int8 } };
        ArchitectureSpec[] architectures = [Models.Gpt2.Architecture with { Family = Family.Encoder, Vocabulary = 260 }, Models.TransformerXl.Architecture with { Vocabulary = 256 }];
        foreach (var architecture in architectures)
        {
            var spec = Models.Gpt2 with { Architecture = architecture };
            var diagnostic = Assert.Single(ModelCompilation.Compile(spec with { Efficiency = quantization }).Diagnostics);
            Assert.Equal(("MC2180", "efficiency.quantization.kv-cache"), (diagnostic.Id, diagnostic.SpecPath));
        }
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
