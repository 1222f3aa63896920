namespace ModelCompiler;

/// <summary>A moving average of the weights, validated and kept beside them.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("training.ema")]
public sealed class EmaAttribute : Attribute
{
    public double Decay { get; set; }

    public bool Warmup { get; set; }
}
