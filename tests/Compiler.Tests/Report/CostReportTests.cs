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

    /// <summary>Dai et al. 2019, the base model for WikiText-103, as its authors train it, but with one softmax over the vocabulary.</summary>
    private static readonly ModelSpec TransformerXlBase = new()
    {
        Model = "TransformerXl",
        Architecture = new()
        {
            Family = Family.TransformerXl, Vocabulary = 267_735, Context = 150, Memory = 150, Width = 410, Layers = 16, Heads = 10,
            Mlp = new() { Kind = MlpKind.Relu, Hidden = 2100 }, TieEmbeddings = true, ScaleEmbeddings = true, HeadBias = true,
        },
        Training = new() { Batch = 60, Data = new() { Tokenizer = TokenizerKind.Bpe } },
    };

    /// <summary>Lan et al. 2020, base, with the heads that it is trained with.</summary>
    private static readonly ModelSpec AlbertBase = new()
    {
        Model = "AlbertBase",
        Architecture = new()
        {
            Family = Family.Albert, Vocabulary = 30_000, Context = 512, Width = 768, Layers = 12, Heads = 12, EmbeddingWidth = 128, TokenTypes = 2,
            Share = new() { Groups = 1 }, Mlp = new() { Kind = MlpKind.GeluTanh },
        },
        Training = new() { Batch = 1, Objective = new() { Kind = ObjectiveKind.MaskedWithOrder }, Data = new() { Tokenizer = TokenizerKind.Bpe } },
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
        Assert.Equal(Published + MaskedHead + OrderHead, Costs(AlbertBase).Parameters);
    }

    /// <summary>BERT base, uncased, with its masked-language-model head and without the pooler, as BertForMaskedLM counts it.</summary>
    [Fact]
    public void Parameters_of_Bert_base()
    {
        const long Published = 109_482_240, Pooler = (768 * 768) + 768, MaskedHead = (768 * 768) + 768 + (2 * 768) + 30_522;
        var bert = Models.Gpt2 with
        {
            Architecture = new() { Family = Family.Encoder, Vocabulary = 30_522, Context = 512, Width = 768, Layers = 12, Heads = 12, TokenTypes = 2 },
            Training = new() { Batch = 1, Objective = new() { Kind = ObjectiveKind.Masked }, Data = new() { Tokenizer = TokenizerKind.Bpe } },
        };
        Assert.Equal(109_514_298, Published - Pooler + MaskedHead);
        Assert.Equal(109_514_298, Costs(bert).Parameters);
    }

    /// <summary>
    /// The authors count 151,107,538 parameters, 41,066,400 of them in the layers. Theirs have vectors for the three clusters of the
    /// adaptive softmax, which we have not, and one pair of biases u and v, where each of our layers has its own.
    /// </summary>
    [Fact]
    public void Parameters_of_Transformer_XL_base()
    {
        const long C = 410, F = 2100, V = 267_735, L = 16;
        const long Layer = (5 * C * C) + (2 * C * F) + F + C + (4 * C), Clusters = 3 * (C + 1), Biases = 2 * C;
        Assert.Equal(41_066_400, L * Layer);
        Assert.Equal(151_107_538, (V * C) + V + Clusters + Biases + (L * Layer));
        var costs = Costs(TransformerXlBase);
        Assert.Equal(151_107_538 - Clusters + ((L - 1) * Biases), costs.Parameters);
        Assert.Equal(L * (Layer + Biases), costs.Layers.Where(l => l.Name.StartsWith("blocks.")).Sum(l => l.Parameters));
    }

    [Fact]
    public void Forward_FLOPs_of_Transformer_XL_base()
    {
        const long C = 410, F = 2100, V = 267_735, L = 16, T = 150, M = 150, B = 60;
        // Those of the memory are kept from the segment before, as generation does; the keys of the distances are made once for a batch.
        var products = (L * ((8 * C * C) + (4 * C * F))) + (2 * C * V);
        var distances = L * 2 * (M + T) * C * C / (B * T);
        // Scores by content, scores by distance, the mix.
        var attention = L * 6 * (M + T) * C;
        // Biases, ReLU at eight, norms at eight, residual sums; the scale of the embedding and the bias of the head.
        var elements = (L * (F + C + (8 * F) + (2 * 8 * C) + (2 * C))) + C + V;
        Assert.Equal(products + distances + attention + elements, Costs(TransformerXlBase).ForwardFlops);
    }

    [Fact]
    public void Forward_FLOPs_of_Llama2()
    {
        const long C = 4096, T = 4096, V = 32_000, L = 32, F = 11_008;
        var products = (L * ((8 * C * C) + (6 * C * F))) + (2 * C * V);
        var attention = L * 4 * T * C;
        // Rotation of queries and keys at three, RMS norms and the gate at five, residual sums.
        var elements = (L * ((3 * 2 * C) + (2 * 5 * C) + (5 * 2 * F) + (2 * C))) + (5 * C);
        Assert.Equal(2 * (6_738_415_616 - (V * C) - (((2 * L) + 1) * C)), products);
        Assert.Equal(products + attention + elements, Costs(Llama2).ForwardFlops);
    }

    /// <summary>
    /// Attention of DeepSeek-V2 (2024; 128 heads of 128 columns and 64 rotated ones, ranks of 512 and 1536, width 5120): generation keeps
    /// 576 numbers of each token and layer, 1/57 of whole keys and values.
    /// </summary>
    [Fact]
    public void Latent_attention_of_DeepSeek_V2()
    {
        const long C = 5120, H = 128, D = 128, R = 64, K = 512, Q = 1536, T = 4096;
        var latent = new ModelSpec
        {
            Model = "Latent",
            Architecture = new()
            {
                Family = Family.Decoder, Vocabulary = 256, Context = (int)T, Width = (int)C, Layers = 1, Heads = (int)H, HeadSize = (int)D, Position = PositionKind.Rope,
                LatentAttention = new() { KvRank = (int)K, QRank = (int)Q, RopeWidth = (int)R }, Norm = NormKind.Rms, Bias = false,
            },
            Training = new() { Batch = 1 },
        };
        var attention = Costs(latent).Layers.Single(layer => layer.Name == "blocks.*.attention");
        var weights = (C * Q) + (Q * H * (D + R)) + (C * (K + R)) + (K * 2 * H * D) + (H * D * C);
        Assert.Equal(weights + Q + K, attention.Parameters);
        Assert.Equal(4 * (K + R), attention.KvCache);
        // Whole keys and values, made once; norms of both latents and the rotation.
        var elements = (5 * (Q + K)) + (3 * (H + 1) * R);
        Assert.Equal((2 * weights) + (2 * T * H * ((2 * D) + R)) + elements, attention.ForwardFlops);
    }

    /// <summary>Shared layers cost no less: twelve are calculated, of one set of parameters.</summary>
    [Fact]
    public void Forward_FLOPs_of_Albert_base()
    {
        const long C = 768, E = 128, T = 512, V = 30_000, L = 12;
        var products = (L * 24 * C * C) + (2 * E * C) + (2 * C * E) + (2 * E * V);
        var attention = L * 4 * T * C;
        Assert.InRange(Costs(AlbertBase).ForwardFlops, products + attention, 1.01 * (products + attention));
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
