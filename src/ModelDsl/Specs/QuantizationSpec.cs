namespace ModelCompiler.ModelDsl;

/// <summary>Fewer bits for the weights of linear layers in the exported model.</summary>
[Shorthand("weights")]
public sealed record QuantizationSpec
{
    [Key("weights", "Integers that stand for the weights of linear layers.", Required = true)]
    public WeightType Weights { get; init; }

    [Key("group", "Neighbours in a row of a weight that share a scale: 16, 32, 64, 128 or 256.", Min = 16, Max = 256)]
    [OnlyWith("weights", WeightType.Int4)]
    public int Group { get; init; } = 32;

    [Key("method", "How weights are rounded.")]
    public RoundingMethod Method { get; init; } = RoundingMethod.Nearest;

    [Key("keep", "Layers that stay in fp32, by name or pattern. E.g. [head, blocks.*.mlp.down].")]
    public EquatableArray<string> Keep { get; init; }
}

public enum WeightType
{
    /// <summary>A byte with a scale for each row; activations are quantized to 8 bits as they come, so that products are of integers.</summary>
    Int8,

    /// <summary>4 bits with a scale for each group of a row.</summary>
    Int4,
}

public enum RoundingMethod
{
    /// <summary>To the nearest integer, under the scale of the least squared error.</summary>
    Nearest,

    /// <summary>Column by column, later ones making up for the errors of earlier ones in the layer's output on held-out text (GPTQ, Frantar et al. 2023).</summary>
    Gptq,
}
