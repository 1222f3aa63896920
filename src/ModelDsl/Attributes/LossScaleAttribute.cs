namespace ModelCompiler;

/// <summary>What the loss is multiplied by under fp16 compute.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("efficiency.precision.loss-scale")]
public sealed class LossScaleAttribute : Attribute
{
    public double Fixed { get; set; }

    public double Initial { get; set; }

    public double Growth { get; set; }

    public int Interval { get; set; }

    public double Backoff { get; set; }
}
