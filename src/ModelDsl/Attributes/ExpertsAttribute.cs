namespace ModelCompiler;

/// <summary>Mixtures of experts in the place of a family's feed-forward sublayers.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("architecture.experts")]
public sealed class ExpertsAttribute : Attribute
{
    public int Count { get; set; }

    public int TopK { get; set; }

    public double Capacity { get; set; }

    public double Balance { get; set; }
}
