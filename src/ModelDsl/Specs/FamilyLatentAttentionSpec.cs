namespace ModelCompiler.ModelDsl;

/// <summary>The attention of a decoder as multi-head latent attention (DeepSeek-V2, 2024): <c>position: rope</c> and no biases.</summary>
[Shorthand("kv-rank")]
public sealed record FamilyLatentAttentionSpec
{
    [Key("kv-rank", "Width of the latent vector that keys and values are made of, K.", Required = true, Min = 1, Max = 65_536)]
    public int KvRank { get; init; }

    [Key("q-rank", "Width of a latent vector that queries are made of. Default: they are made of the input.", Min = 1, Max = 65_536)]
    public int? QRank { get; init; }

    [Key("rope-width", "Columns of a query and of a key that are rotated, R, beside those of head-size. Default: half of head-size, made even.", Min = 2, Max = 4096)]
    public int? RopeWidth { get; init; }
}
