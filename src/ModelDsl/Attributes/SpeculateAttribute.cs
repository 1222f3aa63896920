namespace ModelCompiler;

/// <summary>A smaller model that proposes tokens while this one generates.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("efficiency.speculate")]
public sealed class SpeculateAttribute : Attribute
{
    public string Draft { get; set; } = "";

    public int Tokens { get; set; }
}
