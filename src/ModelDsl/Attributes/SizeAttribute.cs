namespace ModelCompiler;

/// <summary>A target from which width, layers and heads follow, those that are not given: exactly one of the properties.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("architecture.size")]
public sealed class SizeAttribute : Attribute
{
    /// <summary>A number with its suffix: 10M.</summary>
    public string Parameters { get; set; } = "";

    /// <summary>FLOPs of the whole training: 1e18.</summary>
    public string Compute { get; set; } = "";
}
