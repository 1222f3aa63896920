namespace ModelCompiler.ModelDsl;

/// <summary>Fewer bits for the weights of linear layers in the exported model.</summary>
[Shorthand("weights")]
public sealed record QuantizationSpec
{
    /// <summary>Among <see cref="Keep"/>: the layers that a measurement finds sensitive.</summary>
    public const string Auto = "auto";

    [Key("weights", "Integers that stand for the weights of linear layers.", Required = true)]
    public WeightType Weights { get; init; }

    [Key("group", "Neighbours in a row of a weight that share a scale: 16, 32, 64, 128 or 256.", Min = 16, Max = 256)]
    [OnlyWith("weights", WeightType.Int4, WeightType.Int2)]
    public int Group { get; init; } = 32;

    [Key("symmetric", "Whether zero is the middle of a group's integers; else each group has a zero point of its own.")]
    [OnlyWith("weights", WeightType.Int4, WeightType.Int2)]
    public bool Symmetric { get; init; } = true;

    [Key("method", "How weights are rounded.")]
    public RoundingMethod Method { get; init; } = RoundingMethod.Nearest;

    [Key("damping", "Share of the mean of the diagonal that is added to the second moments before they are inverted.", Min = 1e-6, Max = 1)]
    [OnlyWith("method", RoundingMethod.Gptq)]
    public double Damping { get; init; } = 0.01;

    [Key("activation-order", "Whether the columns with the largest inputs are rounded first, rather than from left to right.")]
    [OnlyWith("method", RoundingMethod.Gptq)]
    public bool ActivationOrder { get; init; } = true;

    [Key("smoothing", "Share of the range that goes from activations into weights, as an exponent: 0 for none, 1 for all.", Min = 0, Max = 1)]
    [OnlyWith("method", RoundingMethod.SmoothQuant)]
    public double Smoothing { get; init; } = 0.5;

    [Key("from", "Share of a run's steps after which training reads rounded weights.", Min = 0, Max = 1)]
    [OnlyWith("method", RoundingMethod.Qat)]
    public double From { get; init; } = 0.5;

    [Key("activations", "When the range of activations is measured, which are quantized to 8 bits.")]
    [OnlyWith("weights", WeightType.Int8)]
    public ActivationRange Activations { get; init; } = ActivationRange.Dynamic;

    [Key("prefill", "What multiplies the tokens of a prompt, in repeated blocks.")]
    [OnlyWith("weights", WeightType.Int4, WeightType.Int2)]
    public PrefillType Prefill { get; init; } = PrefillType.Same;

    [Key("embeddings", "What the tables of token embeddings are stored in.")]
    public EmbeddingType Embeddings { get; init; } = EmbeddingType.Fp32;

    [Key("kv-cache", "What keys and values are stored in while an exported model generates.")]
    public KvCacheType KvCache { get; init; } = KvCacheType.Fp32;

    [Key("int8", "Layers that are int8 instead, by name or pattern. E.g. [blocks.*.mlp.down].")]
    [OnlyWith("weights", WeightType.Int4, WeightType.Int2)]
    public EquatableArray<string> Int8 { get; init; }

    [Key("int4", "Layers that are int4 instead, by name or pattern.")]
    [OnlyWith("weights", WeightType.Int8, WeightType.Int2)]
    public EquatableArray<string> Int4 { get; init; }

    [Key("keep", "Layers that stay in fp32, by name or pattern; [auto] for those that a measurement finds sensitive. E.g. [head, blocks.*.mlp.down].")]
    public EquatableArray<string> Keep { get; init; }

    /// <summary>How many weights can share a scale in ONNX Runtime's products, in ascending order.</summary>
    public static IReadOnlyList<int> Groups { get; } = [16, 32, 64, 128, 256];

    /// <summary>Whether libtorch has products with such weights.</summary>
    public bool HasTorchProducts => Weights is WeightType.Int8 or WeightType.Int4;

    /// <summary>Why weights of few bits gain nothing where all tokens of a text are multiplied at once, and what to write; null where they are for single tokens.</summary>
    public string? EncoderObstacle(ObjectiveKind objective) =>
        objective != ObjectiveKind.Causal && Weights != WeightType.Int8 && Prefill == PrefillType.Same
            ? $"an encoder multiplies all tokens of a text at once, and {KebabCase.Of(Weights.ToString())} is fast for few; write 'weights: int8', or 'prefill: int8' beside it"
            : null;

    /// <summary>Why the method does nothing for the weights, and what to write; null where it does something.</summary>
    public string? MethodObstacle() => (Method, Weights) switch
    {
        (RoundingMethod.SmoothQuant, not WeightType.Int8) =>
            "'smooth-quant' makes activations easier to quantize and weights harder, which gains where both have 8 bits; write 'weights: int8', or 'method: awq' for fewer bits",
        (RoundingMethod.Hqq, WeightType.Int8) => "'hqq' looks for the scales of small groups, and int8 has one for a whole row; write 'weights: int4', or another method",
        _ => null,
    };
}

public enum WeightType
{
    /// <summary>A byte with a scale for each row; activations are quantized to 8 bits as they come, so that products are of integers.</summary>
    Int8,

    /// <summary>4 bits with a scale for each group of a row.</summary>
    Int4,

    /// <summary>2 bits with a scale for each group of a row: an experiment.</summary>
    Int2,
}

public enum RoundingMethod
{
    /// <summary>To the nearest integer, under the scale of the least squared error.</summary>
    Nearest,

    /// <summary>Column by column, later ones making up for the errors of earlier ones in the layer's output on held-out text (GPTQ, Frantar et al. 2023).</summary>
    Gptq,

    /// <summary>Channels that see large inputs are scaled up before rounding, and scales are clipped, for the least error of the layers' outputs (AWQ, Lin et al. 2023).</summary>
    Awq,

    /// <summary>Part of the activations' range moves into the weights, so that 8 bits hold both (SmoothQuant, Xiao et al. 2022).</summary>
    SmoothQuant,

    /// <summary>Scales or zero points under which few weights have large errors, by half-quadratic splitting and without text (HQQ, Badri and Shaji 2023).</summary>
    Hqq,

    /// <summary>Training reads rounded weights, and the export rounds to the same ones (quantization-aware training, Jacob et al. 2018).</summary>
    Qat,
}

public enum ActivationRange
{
    /// <summary>At each product.</summary>
    Dynamic,

    /// <summary>Once, on calibration text.</summary>
    Static,
}

public enum PrefillType
{
    /// <summary>What multiplies a single token.</summary>
    Same,

    /// <summary>Weights of 8 bits beside the others: a byte more a weight, for products that are faster where there are many tokens.</summary>
    Int8,
}

public enum EmbeddingType
{
    /// <summary>As they are.</summary>
    Fp32,

    /// <summary>8 bits with a scale for each group of a row.</summary>
    Int8,

    /// <summary>4 bits with a scale for each group of a row.</summary>
    Int4,
}

public enum KvCacheType
{
    /// <summary>As they are.</summary>
    Fp32,

    /// <summary>8 bits, with a scale for each channel of a head that calibration text gives.</summary>
    Int8,
}
