namespace ModelCompiler.ModelDsl;

/// <summary>
/// A layer of the layer language. In YAML a layer is a mapping with one key, the layer's name, whose value is its
/// options (or its shorthand): <c>- norm: rms</c>, <c>- attention: { heads: 6 }</c>, <c>- residual: [ ... ]</c>.
/// </summary>
public abstract record LayerSpec
{
    [Key("name", "Name in parameter names and in generated code. Default: the layer's key.")]
    public string? Name { get; init; }
}

[Layer("embedding", "Token ids [B, T] to vectors [B, T, C]. The first layer of a model.")]
[Shorthand("position")]
public sealed record EmbeddingLayer : LayerSpec
{
    [Key("position", "learned adds a trained vector per position; none adds nothing. (rope belongs to attention.)")]
    public PositionKind Position { get; init; } = PositionKind.None;

    [Key("token-types", "Trained vectors, one for each part of a sequence, that are added to those of its tokens (BERT); a part ends with the [SEP] token.", Min = 1, Max = 16)]
    public int? TokenTypes { get; init; }

    [Key("width", "Width of the vectors, if not that of the model: a factorized embedding, widened by a linear layer (ALBERT).", Min = 1, Max = 65_536)]
    public int? Width { get; init; }

    [Key("scale", "Multiplies the vectors of tokens by the root of their width (Vaswani et al. 2017).")]
    public bool Scale { get; init; }
}

[Layer("numbers", "Real numbers [B, T, width]. The first layer of a model with the objective regression, whose last layer gives the predicted numbers.")]
[Shorthand("width")]
public sealed record NumbersLayer : LayerSpec
{
    [Key("width", "How many.", Required = true, Min = 1, Max = 65_536)]
    public int Width { get; init; }
}

[Layer("repeat", "The same layers n times: a block. Each time with parameters of its own, or with shared ones.")]
public sealed record RepeatLayer : LayerSpec
{
    public RepeatLayer() => Name = "blocks";

    [Key("times", "How often.", Required = true, Min = 1, Max = 1024)]
    public int Times { get; init; }

    [Key("share", "Parameters that several of the layers have in common.")]
    public ShareSpec? Share { get; init; }

    [Key("layers", "The layers of one block, [B, T, C] to [B, T, C].", Required = true)]
    public EquatableArray<LayerSpec> Layers { get; init; }
}

[Layer("residual", "x + layers(x).")]
[Shorthand("layers")]
public sealed record ResidualLayer : LayerSpec
{
    [Key("layers", "The branch, [B, T, C] to [B, T, C].", Required = true)]
    public EquatableArray<LayerSpec> Layers { get; init; }
}

[Layer("norm", "Normalization over the last dimension, with a trained scale.")]
[Shorthand("kind")]
public sealed record NormLayer : LayerSpec
{
    [Key("kind", "layer or rms.")]
    public NormKind Kind { get; init; } = NormKind.Layer;

    [Key("bias", "A trained shift; layer norm only. Default: true for layer, false for rms.")]
    public bool? Bias { get; init; }

    [Key("epsilon", "Added to the variance.", Min = 1e-12, Max = 1)]
    public double Epsilon { get; init; } = 1e-5;
}

[Layer("attention", "Multi-head self-attention with its query, key, value and output projections, [B, T, C] to [B, T, C].")]
[Shorthand("heads")]
public sealed record AttentionLayer : LayerSpec
{
    [Key("heads", "Number of query heads; divides the width, unless head-size is given.", Required = true, Min = 1, Max = 1024)]
    public int Heads { get; init; }

    [Key("kv-heads", "Number of key and value heads; divides heads. Default: heads.", Min = 1, Max = 1024)]
    public int? KvHeads { get; init; }

    [Key("head-size", "Width of a head, D; the output projection goes from heads · D to the width. Default: width / heads.", Min = 1, Max = 4096)]
    public int? HeadSize { get; init; }

    [Key("causal", "Positions see themselves and what is before them; false: all positions, without generation.")]
    public bool Causal { get; init; } = true;

    [Key("window", "A position sees itself and the window − 1 positions before it. Default: all before it.", Min = 1, Max = 1_048_576)]
    [OnlyWith("causal", true)]
    public int? Window { get; init; }

    [Key("softcap", "Scores s become c · tanh(s / c). Default: scores as they are.", Min = 1e-3, Max = 1e6)]
    public double? Softcap { get; init; }

    [Key("position", "rope rotates queries and keys; none leaves them.")]
    public PositionKind Position { get; init; } = PositionKind.None;

    [Key("rope-theta", "Base of the rotary frequencies.", Min = 1)]
    [OnlyWith("position", PositionKind.Rope)]
    public double RopeTheta { get; init; } = 10_000;

    [Key("rope-scaling", "Changed rotary frequencies, for sequences longer than those of an earlier training.")]
    [OnlyWith("position", PositionKind.Rope)]
    public RopeScalingSpec? RopeScaling { get; init; }

    [Key("qk-norm", "RMS normalization of queries and keys per head.")]
    public bool QkNorm { get; init; }

    [Key("bias", "Biases on the four projections.")]
    public bool Bias { get; init; } = true;

    [Key("qkv-bias", "Biases on the query, key and value projections, where that differs from bias.")]
    public bool? QkvBias { get; init; }
}

[Layer("relative-attention", "Causal self-attention by content and relative distance over the segment and a memory of earlier segments (Dai et al. 2019), [B, T, C] to [B, T, C].")]
[Shorthand("heads")]
public sealed record RelativeAttentionLayer : LayerSpec
{
    [Key("heads", "Number of heads; divides the width.", Required = true, Min = 1, Max = 1024)]
    public int Heads { get; init; }

    [Key("memory", "Positions before the segment whose inputs are kept, M; the same in all layers. 0 is no recurrence.", Min = 0, Max = 1_048_576)]
    public int Memory { get; init; }

    [Key("evaluation-memory", "The memory in validation and in generation. Default: memory.", Min = 1, Max = 1_048_576)]
    public int? EvaluationMemory { get; init; }

    [Key("clamp-length", "The largest distance with an encoding of its own; larger ones share it. Default: every distance has one.", Min = 1, Max = 2_097_152)]
    public int? ClampLength { get; init; }

    [Key("same-length", "Every position attends to M positions, itself among them, wherever in its segment it stands.")]
    public bool SameLength { get; init; }

    /// <summary>The largest distance between two positions of memory and segment, in training or evaluation.</summary>
    /// <param name="context">Tokens of a segment, T.</param>
    public int Farthest(int context) => Math.Max(Memory, EvaluationMemory ?? 0) + context - 1;
}

[Layer("latent-attention", "Causal self-attention whose keys and values are made of one latent vector of each position, which is all that generation keeps (multi-head latent attention; DeepSeek-V2, 2024), [B, T, C] to [B, T, C].")]
public sealed record LatentAttentionLayer : LayerSpec
{
    [Key("heads", "Number of heads, H; divides the width, unless head-size is given.", Required = true, Min = 1, Max = 1024)]
    public int Heads { get; init; }

    [Key("kv-rank", "Width of the latent vector that keys and values are made of, K.", Required = true, Min = 1, Max = 65_536)]
    public int KvRank { get; init; }

    [Key("q-rank", "Width of a latent vector that queries are made of. Default: they are made of the input.", Min = 1, Max = 65_536)]
    public int? QRank { get; init; }

    [Key("rope-width", "Columns of a query and of a key that are rotated, R, beside the D others; those of keys are the same for all heads.", Required = true, Min = 2, Max = 4096)]
    public int RopeWidth { get; init; }

    [Key("head-size", "Width of a head's values and of its keys without the rotated columns, D. Default: width / heads.", Min = 1, Max = 4096)]
    public int? HeadSize { get; init; }

    [Key("rope-theta", "Base of the rotary frequencies.", Min = 1)]
    public double RopeTheta { get; init; } = 10_000;

    [Key("rope-scaling", "Changed rotary frequencies, for sequences longer than those of an earlier training.")]
    public RopeScalingSpec? RopeScaling { get; init; }
}

[Layer("mlp", "Two linear layers with an activation between them, or the three of a gated layer, [B, T, C] to [B, T, C].")]
[Shorthand("kind")]
public sealed record MlpLayer : LayerSpec
{
    [Key("kind", "The activation, or swiglu.")]
    public MlpKind Kind { get; init; } = MlpKind.Gelu;

    [Key("hidden", "Width of the hidden layer. Default: 4 × width; for swiglu 8/3 × width, rounded up to a multiple of 32.", Min = 1, Max = 1_048_576)]
    public int? Hidden { get; init; }

    [Key("bias", "Biases on the linear layers.")]
    public bool Bias { get; init; } = true;
}

[Layer("experts", "A mixture of experts: a router sends each position to the top-k of several feed-forward networks, [B, T, C] to [B, T, C].")]
public sealed record ExpertsLayer : LayerSpec
{
    [Key("count", "Number of experts, E.", Required = true, Min = 2, Max = 1024)]
    public int Count { get; init; }

    [Key("top-k", "Experts of each position.", Min = 1, Max = 1024)]
    public int TopK { get; init; } = 2;

    [Key("kind", "The activation, or swiglu.")]
    public MlpKind Kind { get; init; } = MlpKind.Swiglu;

    [Key("hidden", "Width of an expert's hidden layer. Default: 4 × width; for swiglu 8/3 × width, rounded up to a multiple of 32.", Min = 1, Max = 1_048_576)]
    public int? Hidden { get; init; }

    [Key("capacity", "In training an expert takes at most so many times its even share of the positions; those beyond pass it by. Default: no limit.", Min = 0.1, Max = 1024)]
    public double? Capacity { get; init; }

    [Key("balance", "Weight of the load-balancing loss in training.", Min = 0, Max = 10)]
    public double Balance { get; init; } = 0.01;
}

[Layer("linear", "A linear layer over the last dimension.")]
[Shorthand("out")]
public sealed record LinearLayer : LayerSpec
{
    [Key("out", "Width of the output.", Required = true, Min = 1, Max = 1_048_576)]
    public int Out { get; init; }

    [Key("bias", "A trained shift.")]
    public bool Bias { get; init; } = true;
}

[Layer("convolution", "A causal convolution over the sequence, each channel by itself: a position sees itself and the kernel − 1 before it.")]
[Shorthand("kernel")]
public sealed record ConvolutionLayer : LayerSpec
{
    [Key("kernel", "Positions that it sees, K.", Required = true, Min = 2, Max = 64)]
    public int Kernel { get; init; }

    [Key("bias", "A trained shift.")]
    public bool Bias { get; init; } = true;
}

[Layer("activation", "A function of each element.")]
[Shorthand("kind")]
public sealed record ActivationLayer : LayerSpec
{
    [Key("kind", "gelu, gelu-tanh, silu, relu-squared, relu or tanh.")]
    public ActivationKind Kind { get; init; } = ActivationKind.Gelu;
}

/// <summary>A layer that joins what two branches make of its input.</summary>
public abstract record TwoBranchLayer : LayerSpec
{
    [Key("left", "The first branch.", Required = true)]
    public EquatableArray<LayerSpec> Left { get; init; }

    [Key("right", "The second branch.", Required = true)]
    public EquatableArray<LayerSpec> Right { get; init; }
}

[Layer("multiply", "Elementwise product of two branches over the same input: gates.")]
public sealed record MultiplyLayer : TwoBranchLayer;

[Layer("add", "Sum of two branches over the same input: parallel sublayers.")]
public sealed record AddLayer : TwoBranchLayer;

[Layer("dropout", "Zeroes a share of the elements in training and scales the others up (Srivastava et al. 2014).")]
[Shorthand("rate")]
public sealed record DropoutLayer : LayerSpec
{
    [Key("rate", "The share.", Required = true, Min = 0, Max = 0.99)]
    public double Rate { get; init; }
}

[Layer("head", "Vectors [B, T, C] to logits [B, T, V]. The last layer of a model.")]
public sealed record HeadLayer : LayerSpec
{
    [Key("tie-embeddings", "Use the embedding matrix.")]
    public bool TieEmbeddings { get; init; }

    [Key("bias", "A trained shift.")]
    public bool Bias { get; init; }

    [Key("softcap", "Logits x become c · tanh(x / c). Default: logits as they are.", Min = 1e-3, Max = 1e6)]
    public double? Softcap { get; init; }
}

[Layer("classifier", "The vector of a whole sequence to the logits of its classes, by a linear layer, tanh and another linear layer. What follows reads what the classifier read; it may be the last layer.")]
[Shorthand("classes")]
public sealed record ClassifierLayer : LayerSpec
{
    [Key("classes", "Number of classes.", Required = true, Min = 2, Max = 65_536)]
    public int Classes { get; init; }

    [Key("pooling", "What stands for the sequence: cls is its first token, mean the mean of its tokens.")]
    public PoolingKind Pooling { get; init; } = PoolingKind.Cls;

    [Key("dropout", "Share of the pooled vector that is zeroed.", Min = 0, Max = 0.99)]
    public double Dropout { get; init; }
}
