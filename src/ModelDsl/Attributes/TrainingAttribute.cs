using ModelCompiler.ModelDsl;

namespace ModelCompiler;

/// <summary>Batch, steps and seed of a training run, and what it does when it diverges.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("training")]
public sealed class TrainingAttribute : Attribute
{
    public int Batch { get; set; }

    public int Steps { get; set; }

    public int Accumulate { get; set; }

    public int ValidateEvery { get; set; }

    public int Seed { get; set; }

    public NanPolicy OnNan { get; set; }
}
