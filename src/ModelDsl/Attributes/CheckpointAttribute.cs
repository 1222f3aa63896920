namespace ModelCompiler;

/// <summary>Activations that are recomputed in the backward pass: either boundaries or every is given.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("efficiency.checkpoint")]
public sealed class CheckpointAttribute : Attribute
{
    public string[] Boundaries { get; set; } = [];

    public int Every { get; set; }
}
