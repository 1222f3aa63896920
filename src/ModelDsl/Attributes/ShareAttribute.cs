namespace ModelCompiler;

/// <summary>Parameters that several blocks of a family have in common.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("architecture.share")]
public sealed class ShareAttribute : Attribute
{
    public int Groups { get; set; }
}
