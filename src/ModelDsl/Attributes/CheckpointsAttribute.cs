namespace ModelCompiler;

/// <summary>The files from which a run is resumed.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("training.checkpoints")]
public sealed class CheckpointsAttribute : Attribute
{
    public int Keep { get; set; }

    public int Every { get; set; }
}
