using ModelCompiler.ModelDsl;

namespace ModelCompiler;

/// <summary>Activations that are recomputed in the backward pass: exactly one of the properties is given.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("efficiency.checkpoint")]
public sealed class CheckpointAttribute : Attribute
{
    public string[] Boundaries { get; set; } = [];

    public int Every { get; set; }

    public CheckpointLayers Layers { get; set; }

    public string[] Save { get; set; } = [];

    /// <summary>Bytes with their unit: 512MiB.</summary>
    public string Budget { get; set; } = "";
}
