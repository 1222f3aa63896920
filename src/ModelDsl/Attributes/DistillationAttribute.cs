using ModelCompiler.ModelDsl;

namespace ModelCompiler;

/// <summary>The model learns from a teacher's predictions beside the text.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("training.distillation")]
public sealed class DistillationAttribute : Attribute
{
    public string Teacher { get; set; } = "";

    public string Checkpoint { get; set; } = "";

    public Precision Precision { get; set; }

    public DivergenceKind Divergence { get; set; }

    public double Beta { get; set; }

    public double Temperature { get; set; }

    public double Weight { get; set; }

    public int[] Layers { get; set; } = [];

    public BalanceKind Balance { get; set; }
}
