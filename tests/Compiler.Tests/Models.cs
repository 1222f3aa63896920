using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests;

/// <summary>Small models that between them use every option of the decoder family, and one in the layer language.</summary>
public static class Models
{
    public static ModelSpec Gpt2 { get; } = new()
    {
        Model = "Gpt2Like",
        Architecture = new() { Family = Family.Decoder, Vocabulary = 7, Context = 4, Width = 8, Layers = 3, Heads = 2 },
        Training = new() { Batch = 2 },
    };

    public static ModelSpec Llama { get; } = Gpt2 with
    {
        Model = "LlamaLike",
        Architecture = Gpt2.Architecture with
        {
            Heads = 4, KvHeads = 2, Position = PositionKind.Rope, Norm = NormKind.Rms, Bias = false, QkNorm = true, TieEmbeddings = true,
            Mlp = new() { Kind = MlpKind.Swiglu, Hidden = 12 },
        },
    };

    /// <summary>Two layers with one set of parameters, then two with another.</summary>
    public static ModelSpec Shared { get; } = Gpt2 with { Architecture = Gpt2.Architecture with { Layers = 4, Share = new() { Groups = 2 } } };

    public static ModelSpec TransformerXl { get; } = Gpt2 with
    {
        Model = "Recurrent",
        Architecture = Gpt2.Architecture with { Family = Family.TransformerXl, Layers = 2, Memory = 3, EvaluationMemory = 5, ClampLength = 4 },
    };

    public static ModelSpec Latent { get; } = Llama with
    {
        Model = "Latent",
        Architecture = Llama.Architecture with { KvHeads = null, QkNorm = null, LatentAttention = new() { KvRank = 5, QRank = 6, RopeWidth = 2 } },
    };

    public static ModelSpec Blocks { get; } = Gpt2 with
    {
        Model = "Custom",
        Architecture = new()
        {
            Vocabulary = 7, Context = 4, Width = 8,
            Blocks = EquatableArray.Of<LayerSpec>(
                new EmbeddingLayer { Position = PositionKind.Learned },
                new RepeatLayer
                {
                    Name = "gated", Times = 2,
                    Layers = EquatableArray.Of<LayerSpec>(
                        new ResidualLayer { Layers = EquatableArray.Of<LayerSpec>(new NormLayer(), new AttentionLayer { Heads = 2 }) },
                        new ResidualLayer
                        {
                            Layers = EquatableArray.Of<LayerSpec>(
                                new NormLayer { Kind = NormKind.Rms },
                                new MultiplyLayer
                                {
                                    Left = EquatableArray.Of<LayerSpec>(new LinearLayer { Out = 12 }, new ActivationLayer { Kind = ActivationKind.Silu }),
                                    Right = EquatableArray.Of<LayerSpec>(new LinearLayer { Out = 12, Bias = false }),
                                },
                                new LinearLayer { Out = 8 }),
                        }),
                },
                new RepeatLayer
                {
                    Name = "plain", Times = 3,
                    Layers = EquatableArray.Of<LayerSpec>(
                        new ResidualLayer { Layers = EquatableArray.Of<LayerSpec>(new NormLayer { Bias = false }, new MlpLayer { Kind = MlpKind.ReluSquared }) }),
                },
                new NormLayer(),
                new HeadLayer { Bias = true }),
        },
    };

    public static ModelSpec With(this ModelSpec spec, CheckpointSpec checkpoint) =>
        spec with { Efficiency = spec.Efficiency with { Checkpoint = checkpoint } };

    public static ModelSpec Sharing(this ModelSpec spec, ShareSpec? share) =>
        spec with { Architecture = spec.Architecture with { Share = share } };

    public static ModelSpec InBf16(this ModelSpec spec) =>
        spec with { Efficiency = spec.Efficiency with { Precision = new() { Compute = Precision.Bf16 } } };
}
