namespace ModelCompiler;

/// <summary>The sizes down to which pruning removes whole parts of the model.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("efficiency.pruning.to")]
public sealed class PrunedSizesAttribute : Attribute
{
    public int Heads { get; set; }

    public int Hidden { get; set; }

    public int Layers { get; set; }

    public int Width { get; set; }
}
