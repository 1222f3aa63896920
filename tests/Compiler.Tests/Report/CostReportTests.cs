using ModelCompiler.Compiler.Report;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Report;

/// <summary>Models as they were published, counted by hand.</summary>
public class CostReportTests
{
    /// <summary>Radford et al. 2019, the smallest: the head is the embedding.</summary>
    private static readonly ModelSpec Gpt2Small = new()
    {
        Model = "Gpt2",
        Architecture = new() { Family = Family.Decoder, Vocabulary = 50257, Context = 1024, Width = 768, Layers = 12, Heads = 12, TieEmbeddings = true },
        Training = new() { Batch = 2, Data = new() { Tokenizer = TokenizerKind.Bpe } },
    };

    /// <summary>Touvron et al. 2023.</summary>
    private static readonly ModelSpec Llama2 = new()
    {
        Model = "Llama2",
        Architecture = new()
        {
            Family = Family.Decoder, Vocabulary = 32_000, Context = 4096, Width = 4096, Layers = 32, Heads = 32, Position = PositionKind.Rope,
            Norm = NormKind.Rms, Bias = false, Mlp = new() { Kind = MlpKind.Swiglu, Hidden = 11_008 },
        },
        Efficiency = new() { Precision = new() { Compute = Precision.Bf16 }, Checkpoint = new() { Every = 4 } },
        Training = new() { Batch = 1, Data = new() { Tokenizer = TokenizerKind.Bpe } },
    };

    [Fact]
    public void Parameters_of_GPT2()
    {
        var costs = Costs(Gpt2Small);
        Assert.Equal(124_439_808, costs.Parameters);
        Assert.Equal(
            [("embedding", (50257L + 1024) * 768), ("blocks.*.norm1", 12 * 2 * 768), ("blocks.*.attention", 12 * ((4 * 768 * 768) + (4 * 768))), ("blocks.*.norm2", 12 * 2 * 768), ("blocks.*.mlp", 12 * ((8 * 768 * 768) + (5 * 768))), ("norm", 2 * 768), ("head", 0)],
            costs.Layers.Where(l => !l.Name.Contains("residual")).Select(l => (l.Name, l.Parameters)));
    }

    [Fact]
    public void Parameters_of_Llama2() => Assert.Equal(6_738_415_616, Costs(Llama2).Parameters);

    /// <summary>ALBERT base (Lan et al. 2020): 11.7 M with its pooler, which the order of sentences is read from, and the two heads besides.</summary>
    [Fact]
    public void Parameters_of_Albert_base()
    {
        const long Published = 11_683_584, MaskedHead = (768 * 128) + 128 + (2 * 128) + 30_000, OrderHead = (768 * 2) + 2;
        var spec = Models.Gpt2 with
        {
            Architecture = new()
            {
                Family = Family.Albert, Vocabulary = 30_000, Context = 512, Width = 768, Layers = 12, Heads = 12, EmbeddingWidth = 128, TokenTypes = 2,
                Share = new() { Groups = 1 }, Mlp = new() { Kind = MlpKind.GeluTanh },
            },
            Training = new() { Batch = 1, Objective = new() { Kind = ObjectiveKind.MaskedWithOrder }, Data = new() { Tokenizer = TokenizerKind.Bpe } },
        };
        Assert.Equal(Published + MaskedHead + OrderHead, Costs(spec).Parameters);
    }

    [Fact]
    public void Forward_FLOPs_of_GPT2()
    {
        const long C = 768, T = 1024, V = 50257, L = 12;
        var products = (L * 2 * 12 * C * C) + (2 * C * V);
        var attention = L * 4 * T * C;
        // Biases, norms at eight an element, GELU at eight, residual sums; position and last norm.
        var elements = (L * ((9 * C) + (2 * 8 * C) + (8 * 4 * C) + (2 * C))) + C + (8 * C);
        Assert.Equal(products + attention + elements, Costs(Gpt2Small).ForwardFlops);
    }

    [Fact]
    public void Backward_FLOPs_of_GPT2()
    {
        const long C = 768, T = 1024, V = 50257, L = 12;
        // Two products for each of the forward pass, and for attention five instead of two: its scores are not kept.
        var products = 2 * ((L * 2 * 12 * C * C) + (2 * C * V));
        var attention = L * 10 * T * C;
        Assert.InRange(Costs(Gpt2Small).BackwardFlops, products + attention, 1.01 * (products + attention));
    }

    [Fact]
    public void Memory_of_Llama2()
    {
        var (costs, n) = (Costs(Llama2), 6_738_415_616);
        Assert.Equal((4 * n, 2 * n, 4 * n, 8 * n), (costs.WeightBytes, costs.CopyBytes, costs.GradientBytes, costs.OptimizerBytes));
        Assert.Equal((4 * n, 2 * n), (costs.Fp32FileBytes, costs.Bf16FileBytes));
        Assert.Equal(2 * 32 * 4096 * 2, costs.KvCacheBytes);
        Assert.True(costs.ActivationBytes < costs.ActivationBytesKept);
        // Seven segments of eight run again.
        Assert.InRange(costs.RecomputedFlops, 0.7 * costs.ForwardFlops, 0.9 * costs.ForwardFlops);
        Assert.Equal(costs.WeightBytes + costs.CopyBytes + costs.GradientBytes + costs.OptimizerBytes + costs.ActivationBytes, costs.TrainingBytes);
    }

    [Fact]
    public void Averaged_weights_are_counted()
    {
        var (plain, averaged) = (Costs(Models.Gpt2), Costs(Models.Gpt2 with { Training = Models.Gpt2.Training with { Ema = new() } }));
        Assert.Equal(plain.WeightBytes, averaged.AverageBytes);
        Assert.Equal(plain.TrainingBytes + averaged.AverageBytes, averaged.TrainingBytes);
    }

    /// <summary>Checkpointing moves FLOPs to what is computed again, and changes none of the others.</summary>
    [Fact]
    public void Checkpointing_changes_only_what_is_computed_again()
    {
        var (plain, all) = (Costs(Gpt2Small), Costs(Gpt2Small.With(new CheckpointSpec { Layers = CheckpointLayers.All })));
        Assert.Equal((plain.ForwardFlops, plain.BackwardFlops), (all.ForwardFlops, all.BackwardFlops));
        // Eleven of the twelve blocks, each without its last product; the head is a quarter of the model.
        Assert.InRange(all.RecomputedFlops, 0.4 * plain.ForwardFlops, 0.6 * plain.ForwardFlops);
    }

    /// <summary>The layers of a model in the layer language, too, add up to the whole.</summary>
    [Fact]
    public void Layers_add_up()
    {
        foreach (var spec in new[] { Models.Gpt2, Models.Llama, Models.Blocks })
        {
            var costs = Costs(spec);
            Assert.Equal(costs.Parameters, costs.Layers.Sum(l => l.Parameters));
            Assert.Equal(costs.ForwardFlops, costs.Layers.Sum(l => l.ForwardFlops));
            Assert.Equal(costs.Layers.Count, costs.Layers.Select(l => l.Name).Distinct().Count());
        }
    }

    internal static CostReport Costs(ModelSpec spec)
    {
        // The small models of the tests have fewer tokens than there are bytes.
        if (spec.Architecture.Vocabulary < 256) spec = spec with { Architecture = spec.Architecture with { Vocabulary = 256 } };
        var result = ModelCompilation.Compile(spec);
        Assert.Empty(result.Diagnostics);
        return result.Model!.Costs;
    }
}
