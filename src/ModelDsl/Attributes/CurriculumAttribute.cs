using ModelCompiler.ModelDsl;

namespace ModelCompiler;

/// <summary>What training begins with, and how fast the rest follows.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("training.curriculum")]
public sealed class CurriculumAttribute : Attribute
{
    public DifficultyMetric Metric { get; set; }

    public string Model { get; set; } = "";

    public PacingKind Pacing { get; set; }

    public double From { get; set; }

    public double To { get; set; }

    public int Steps { get; set; }

    public int Multiple { get; set; }
}
