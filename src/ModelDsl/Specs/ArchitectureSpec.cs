namespace ModelCompiler.ModelDsl;

/// <summary>The layers. With <see cref="Blocks"/>, only vocabulary, context and width stand beside it.</summary>
public sealed record ArchitectureSpec
{
    [Key("family", "A ready-made architecture.")]
    public Family? Family { get; init; }

    [Key("vocabulary", "Number of different tokens, V.", Required = true, Unless = "blocks", Min = 2, Max = 1_048_576)]
    public int Vocabulary { get; init; }

    [Key("context", "Longest sequence in tokens, the T of training steps.", Required = true, Min = 1, Max = 1_048_576)]
    public int Context { get; init; }

    [Key("width", "Width of the residual stream, C.", Required = true, Unless = "size", Min = 1, Max = 65_536)]
    public int Width { get; init; }

    [Key("size", "A target from which width, layers and heads are chosen, those that are not given.")]
    public SizeSpec? Size { get; init; }

    [Key("layers", "Number of Transformer blocks.", Min = 1, Max = 1024)]
    public int? Layers { get; init; }

    [Key("share", "Parameters that several blocks have in common. Default: none; for albert one set for all blocks.")]
    public ShareSpec? Share { get; init; }

    [Key("heads", "Number of attention (query) heads, H; divides width, unless head-size is given.", Min = 1, Max = 1024)]
    public int? Heads { get; init; }

    [Key("kv-heads", "Number of key and value heads (grouped-query attention); divides heads. As many as heads if not given.", Min = 1, Max = 1024)]
    public int? KvHeads { get; init; }

    [Key("latent-attention", "Keys and values made of one latent vector of each position (multi-head latent attention): the width of that vector, or a mapping.")]
    [OnlyWith("family", ModelDsl.Family.Decoder)]
    public FamilyLatentAttentionSpec? LatentAttention { get; init; }

    [Key("head-size", "Width of an attention head, D. Default: width / heads.", Min = 1, Max = 4096)]
    public int? HeadSize { get; init; }

    [Key("position", "How the model knows the order of its tokens. Default: learned.")]
    public PositionKind? Position { get; init; }

    [Key("rope-theta", "Base of the rotary frequencies. Default: 10000.", Min = 1)]
    [OnlyWith("position", PositionKind.Rope)]
    public double? RopeTheta { get; init; }

    [Key("rope-scaling", "Changed rotary frequencies, for sequences longer than those of an earlier training.")]
    [OnlyWith("position", PositionKind.Rope)]
    public RopeScalingSpec? RopeScaling { get; init; }

    [Key("memory", "Positions before the segment that each layer remembers, M. Default: as many as context.", Min = 0, Max = 1_048_576)]
    [OnlyWith("family", ModelDsl.Family.TransformerXl)]
    public int? Memory { get; init; }

    [Key("evaluation-memory", "The memory in validation and in generation. Default: memory.", Min = 1, Max = 1_048_576)]
    [OnlyWith("family", ModelDsl.Family.TransformerXl)]
    public int? EvaluationMemory { get; init; }

    [Key("clamp-length", "The largest distance with an encoding of its own; larger ones share it. Default: every distance has one.", Min = 1, Max = 2_097_152)]
    [OnlyWith("family", ModelDsl.Family.TransformerXl)]
    public int? ClampLength { get; init; }

    [Key("same-length", "Every position attends to M positions, itself among them, wherever in its segment it stands. Default: false.")]
    [OnlyWith("family", ModelDsl.Family.TransformerXl)]
    public bool? SameLength { get; init; }

    [Key("norm", "The normalization before each sublayer and the head; for transformer-xl after each sublayer, for encoder and albert where norm-placement says. Default: layer.")]
    public NormKind? Norm { get; init; }

    [Key("norm-epsilon", "Added to the variance in norms. Default: 1e-5.", Min = 1e-12, Max = 1)]
    public double? NormEpsilon { get; init; }

    [Key("mlp", "The feed-forward sublayer. Default: gelu, for transformer-xl relu, four times the width.")]
    public FamilyMlpSpec? Mlp { get; init; }

    [Key("experts", "Mixtures of experts instead of feed-forward sublayers: the number of experts, or a mapping.")]
    [OnlyWith("family", ModelDsl.Family.Decoder)]
    public FamilyExpertsSpec? Experts { get; init; }

    [Key("bias", "Biases on linear layers and layer norms. Default: true.")]
    public bool? Bias { get; init; }

    [Key("attention-bias", "Biases on attention's four projections, where that differs from bias.")]
    public bool? AttentionBias { get; init; }

    [Key("qkv-bias", "Biases on the query, key and value projections, where that differs from attention-bias (Qwen2).")]
    public bool? QkvBias { get; init; }

    [Key("qk-norm", "RMS normalization of queries and keys per head (Henry et al. 2020). Default: false.")]
    public bool? QkNorm { get; init; }

    [Key("window", "A position sees itself and the window − 1 positions before it (Beltagy et al. 2020). Default: all before it.", Min = 1, Max = 1_048_576)]
    public int? Window { get; init; }

    [Key("global-every", "Every so many blocks one sees all positions before it, the others their window; the last of each group. Default: none does.", Min = 2, Max = 1024)]
    public int? GlobalEvery { get; init; }

    [Key("attention-softcap", "Attention scores s become c · tanh(s / c) (Gemma 2, 2024). Default: scores as they are.", Min = 1e-3, Max = 1e6)]
    public double? AttentionSoftcap { get; init; }

    [Key("logit-softcap", "Logits x become c · tanh(x / c) (Gemma 2, 2024). Default: logits as they are.", Min = 1e-3, Max = 1e6)]
    [OnlyWith("family", ModelDsl.Family.Decoder, ModelDsl.Family.Encoder, ModelDsl.Family.Albert)]
    public double? LogitSoftcap { get; init; }

    [Key("parallel", "Attention and feed-forward read the same norm and are added to the stream together (GPT-J, PaLM). Default: false.")]
    public bool? Parallel { get; init; }

    [Key("tie-embeddings", "The output head uses the embedding matrix. Default: false; for encoder and albert true.")]
    public bool? TieEmbeddings { get; init; }

    /// <summary>The same with the family's default.</summary>
    public bool TiesEmbeddings => TieEmbeddings ?? Family is ModelDsl.Family.Encoder or ModelDsl.Family.Albert;

    [Key("scale-embeddings", "Multiplies the vectors of tokens by the root of the width (Vaswani et al. 2017). Default: false.")]
    [OnlyWith("family", ModelDsl.Family.Decoder, ModelDsl.Family.TransformerXl)]
    public bool? ScaleEmbeddings { get; init; }

    [Key("head-bias", "A trained shift of the logits. Default: false.")]
    [OnlyWith("family", ModelDsl.Family.Decoder, ModelDsl.Family.TransformerXl)]
    public bool? HeadBias { get; init; }

    [Key("dropout", "Share of activations zeroed after the embedding and after each sublayer. Default: 0.", Min = 0, Max = 0.99)]
    public double? Dropout { get; init; }

    [Key("norm-placement", "Where blocks normalize: post after each residual sum, pre before each sublayer. Default: post.")]
    [OnlyWith("family", ModelDsl.Family.Encoder, ModelDsl.Family.Albert)]
    public NormPlacement? NormPlacement { get; init; }

    [Key("embedding-width", "Width of the embedding before it is widened to that of the model. Default: as the model; for albert 128.", Min = 1, Max = 65_536)]
    [OnlyWith("family", ModelDsl.Family.Encoder, ModelDsl.Family.Albert)]
    public int? EmbeddingWidth { get; init; }

    [Key("token-types", "Trained vectors for the parts of a sequence. Default: none; 2 with the objective masked-with-order.", Min = 1, Max = 16)]
    [OnlyWith("family", ModelDsl.Family.Encoder, ModelDsl.Family.Albert)]
    public int? TokenTypes { get; init; }

    [Key("classes", "Number of classes of the objective classification.", Min = 2, Max = 65_536)]
    [OnlyWith("family", ModelDsl.Family.Encoder, ModelDsl.Family.Albert)]
    public int? Classes { get; init; }

    [Key("pooling", "What the classifier reads of a sequence. Default: cls.")]
    [OnlyWith("family", ModelDsl.Family.Encoder, ModelDsl.Family.Albert)]
    public PoolingKind? Pooling { get; init; }

    [Key("special-tokens", "The ids that stand for no text, for objectives other than causal. Default: the last four of the vocabulary.")]
    public SpecialTokensSpec? SpecialTokens { get; init; }

    [Key("blocks", "The model in the layer language, instead of a family.")]
    public EquatableArray<LayerSpec> Blocks { get; init; }
}

[Shorthand("kind")]
public sealed record FamilyMlpSpec
{
    [Key("kind", "The activation, or swiglu for a gated layer.")]
    public MlpKind Kind { get; init; } = MlpKind.Gelu;

    [Key("hidden", "Width of the hidden layer. Default: 4 × width; for swiglu 8/3 × width, rounded up to a multiple of 32.", Min = 1, Max = 1_048_576)]
    public int? Hidden { get; init; }
}
