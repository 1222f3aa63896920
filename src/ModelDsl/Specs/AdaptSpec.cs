namespace ModelCompiler.ModelDsl;

/// <summary>Low-rank adapters (LoRA, Hu et al. 2021): all else is frozen.</summary>
public sealed record AdaptSpec
{
    [Key("rank", "Rank r of the adapters: A has r rows, B r columns.", Required = true, Min = 1, Max = 4096)]
    public int Rank { get; init; }

    [Key("alpha", "The adapters' result is multiplied by alpha / rank. Default: rank.", Min = 1e-6, Max = 1e6)]
    public double? Alpha { get; init; }

    [Key("targets", "The linear layers that get adapters, by name or pattern. E.g. [blocks.*.attention.q, blocks.*.attention.v].", Required = true)]
    public EquatableArray<string> Targets { get; init; }

    [Key("dropout", "Share of the adapters' inputs that is zeroed in training.", Min = 0, Max = 0.99)]
    public double Dropout { get; init; }

    [Key("from", "The frozen weights: a safetensors file, or the folder of an imported model; --base overrides it.")]
    public string? From { get; init; }
}
