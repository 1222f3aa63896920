namespace ModelCompiler.ModelDsl;

/// <summary>The feed-forward sublayers of a family as mixtures of experts (Shazeer et al. 2017), each as <c>mlp</c> says, without biases.</summary>
[Shorthand("count")]
public sealed record FamilyExpertsSpec
{
    [Key("count", "Number of experts, E.", Required = true, Min = 2, Max = 1024)]
    public int Count { get; init; }

    [Key("top-k", "Experts of each position.", Min = 1, Max = 1024)]
    public int TopK { get; init; } = 2;

    [Key("capacity", "In training an expert takes at most so many times its even share of the positions; those beyond pass it by. Default: no limit.", Min = 0.1, Max = 1024)]
    public double? Capacity { get; init; }

    [Key("balance", "Weight of the load-balancing loss in training.", Min = 0, Max = 10)]
    public double Balance { get; init; } = 0.01;
}
