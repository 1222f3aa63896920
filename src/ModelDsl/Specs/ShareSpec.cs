namespace ModelCompiler.ModelDsl;

/// <summary>Cross-layer parameter sharing (Dehghani et al. 2019; Lan et al. 2020).</summary>
[Shorthand("groups")]
public sealed record ShareSpec
{
    [Key("groups", "Sets of parameters: of n layers, each n / groups that follow each other share one. Divides the number of layers.", Required = true, Min = 1, Max = 1024)]
    public int Groups { get; init; }
}
