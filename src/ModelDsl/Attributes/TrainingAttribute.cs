namespace ModelCompiler;

/// <summary>Batch, steps and seed of a training run.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("training")]
public sealed class TrainingAttribute : Attribute
{
    public int Batch { get; set; }

    public int Steps { get; set; }

    public int Seed { get; set; }
}
