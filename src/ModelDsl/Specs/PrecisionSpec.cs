namespace ModelCompiler.ModelDsl;

[Shorthand("compute")]
public sealed record PrecisionSpec
{
    [Key("compute", "Element type of activations and of the weights in matrix products.")]
    public Precision Compute { get; init; } = Precision.Fp32;

    [Key("master", "Element type of the weights that the optimizer updates; only fp32.")]
    public Precision Master { get; init; } = Precision.Fp32;

    [Key("fp32", "Layers that compute in fp32 all the same, by name or pattern; they read the master weights. E.g. [head, blocks.*.attention].")]
    [OnlyWith("compute", Precision.Bf16, Precision.Fp16)]
    public EquatableArray<string> Fp32 { get; init; }

    [Key("fp8", "Linear layers, by name or pattern, whose products have 8-bit operands in training, on GPUs that have it. E.g. [blocks].")]
    [OnlyWith("compute", Precision.Bf16)]
    public EquatableArray<string> Fp8 { get; init; }

    [Key("tf32", "On CUDA, products of fp32 operands that are rounded to 11 bits of precision (TF32).")]
    public bool Tf32 { get; init; }

    [Key("loss-scale", "What the loss is multiplied by before its gradients are taken, so that fp16 holds them; a bare number is fixed.")]
    [OnlyWith("compute", Precision.Fp16)]
    public LossScaleSpec LossScale { get; init; } = new();
}

/// <summary>Dynamic loss scaling (Micikevicius et al. 2018), or a fixed scale.</summary>
[Shorthand("fixed")]
public sealed record LossScaleSpec
{
    [Key("fixed", "A scale that stays as it is; the other keys then have no effect.", Min = 1, Max = 16_777_216)]
    public double? Fixed { get; init; }

    [Key("initial", "The scale of the first step.", Min = 1, Max = 16_777_216)]
    public double Initial { get; init; } = 65_536;

    [Key("growth", "What the scale is multiplied by after interval steps without overflow; 1 keeps it.", Min = 1, Max = 16)]
    public double Growth { get; init; } = 2;

    [Key("interval", "Steps without overflow after which the scale grows.", Min = 1, Max = 1_000_000)]
    public int Interval { get; init; } = 2000;

    [Key("backoff", "What the scale is multiplied by at an overflow; 1 keeps it.", Min = 0.01, Max = 1)]
    public double Backoff { get; init; } = 0.5;
}
