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

    /// <summary>Rows have 32 weights, those of mlp.down 128.</summary>
    [Theory]
    [InlineData(WeightType.Int4, 32, "", "")]
    [InlineData(WeightType.Int4, 64, "rows of 'blocks.*.attention.qkv' have 32 weights", "'group: 32'")]
    [InlineData(WeightType.Int2, 128, "have 32 weights", "'group: 32'")]
    [InlineData(WeightType.Int8, 128, "", "")]
    public void A_row_has_at_least_a_group(WeightType weights, int group, string error, string remedy)
    {
        var found = Compile(new QuantizationSpec { Weights = weights, Group = group }).Diagnostics;
        if (error.Length == 0)
        {
            Assert.Empty(found);
            return;
        }

        var diagnostic = Assert.Single(found);
        Assert.Equal(("MC2240", "efficiency.quantization.group"), (diagnostic.Id, diagnostic.SpecPath));
        Assert.Contains(error, diagnostic.Message, StringComparison.Ordinal);
        Assert.Contains(remedy, diagnostic.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Layers_of_shorter_rows_can_be_kept_or_have_8_bits()
    {
        var quantization = new QuantizationSpec { Weights = WeightType.Int4, Group = 128 };
        EquatableArray<string> most = new(["blocks.*.attention", "blocks.*.mlp.up"]), head = EquatableArray.Of("head");
        Assert.Empty(Compile(quantization with { Keep = most, Int8 = head }).Diagnostics);
        Assert.Contains("'head'", Assert.Single(Compile(quantization with { Keep = most }).Diagnostics).Message, StringComparison.Ordinal);
        Assert.Contains("'head'", Assert.Single(Compile(quantization with { Weights = WeightType.Int8, Int4 = head }).Diagnostics).Message, StringComparison.Ordinal);
    }

    private static CompilationResult Compile(string pattern) => Compile(new QuantizationSpec { Weights = WeightType.Int4, Keep = EquatableArray.Of(pattern) });

    private static CompilationResult Compile(QuantizationSpec quantization) => ModelCompilation.Compile(Models.Gpt2 with
    {
        Architecture = Models.Gpt2.Architecture with { Vocabulary = 256, Width = 32 },
        Efficiency = new EfficiencySpec { Quantization = quantization },
    });
}
