using ModelCompiler.ModelDsl;

namespace ModelCompiler;

/// <summary>Changed rotary frequencies of a family's attention.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("architecture.rope-scaling")]
public sealed class RopeScalingAttribute : Attribute
{
    public RopeScalingKind Kind { get; set; }

    public double Factor { get; set; }

    public int OriginalContext { get; set; }

    public double BetaFast { get; set; }

    public double BetaSlow { get; set; }

    public double AttentionFactor { get; set; }

    public double LowFrequencyFactor { get; set; }

    public double HighFrequencyFactor { get; set; }
}
