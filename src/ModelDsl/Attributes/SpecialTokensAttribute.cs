namespace ModelCompiler;

/// <summary>The ids that stand for no text, for objectives other than causal.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("architecture.special-tokens")]
public sealed class SpecialTokensAttribute : Attribute
{
    public int Pad { get; set; }

    public int Cls { get; set; }

    public int Sep { get; set; }

    public int Mask { get; set; }
}
