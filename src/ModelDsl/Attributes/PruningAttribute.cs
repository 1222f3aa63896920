using ModelCompiler.ModelDsl;

namespace ModelCompiler;

/// <summary>Weights that are set to zero during training and stay there.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("efficiency.pruning")]
public sealed class PruningAttribute : Attribute
{
    public PruningMethod Method { get; set; }

    public double Sparsity { get; set; }

    public string Pattern { get; set; } = "";

    public PruningScope Scope { get; set; }

    public string[] Targets { get; set; } = [];

    public Importance Importance { get; set; }

    public PruningSchedule Schedule { get; set; }

    public int Begin { get; set; }

    public int End { get; set; }

    public int Every { get; set; }

    public int Rounds { get; set; }

    public int Rewind { get; set; }

    public int Calibration { get; set; }

    public string From { get; set; } = "";
}
