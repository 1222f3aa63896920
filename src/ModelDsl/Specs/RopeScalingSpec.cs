namespace ModelCompiler.ModelDsl;

/// <summary>How rotary frequencies are changed, so that a model reads sequences longer than those it was trained on.</summary>
public sealed record RopeScalingSpec
{
    [Key("kind", "What becomes of the frequencies.", Required = true)]
    public RopeScalingKind Kind { get; init; }

    [Key("factor", "How many times longer sequences become, s.", Required = true, Min = 1, Max = 1_000_000)]
    public double Factor { get; init; } = 1;

    [Key("original-context", "The context before scaling. Default: the context divided by factor.", Min = 1, Max = 1_048_576)]
    [OnlyWith("kind", RopeScalingKind.Yarn, RopeScalingKind.Llama3)]
    public int? OriginalContext { get; init; }

    [Key("beta-fast", "Pairs that turn at least so often over the original context keep their frequency.", Min = 0.01, Max = 1_000_000)]
    [OnlyWith("kind", RopeScalingKind.Yarn)]
    public double BetaFast { get; init; } = 32;

    [Key("beta-slow", "Pairs that turn at most so often over the original context are divided by factor.", Min = 0.01, Max = 1_000_000)]
    [OnlyWith("kind", RopeScalingKind.Yarn)]
    public double BetaSlow { get; init; } = 1;

    [Key("attention-factor", "What queries and keys are multiplied by. Default: 0.1 ln(factor) + 1.", Min = 0.01, Max = 100)]
    [OnlyWith("kind", RopeScalingKind.Yarn)]
    public double? AttentionFactor { get; init; }

    [Key("low-frequency-factor", "Pairs that turn less often over the original context are divided by factor.", Min = 0.01, Max = 1_000_000)]
    [OnlyWith("kind", RopeScalingKind.Llama3)]
    public double LowFrequencyFactor { get; init; } = 1;

    [Key("high-frequency-factor", "Pairs that turn more often over the original context keep their frequency.", Min = 0.01, Max = 1_000_000)]
    [OnlyWith("kind", RopeScalingKind.Llama3)]
    public double HighFrequencyFactor { get; init; } = 4;
}
