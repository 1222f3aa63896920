using ModelCompiler.ModelDsl;

namespace ModelCompiler;

/// <summary>Which samples are trained on.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("training.subset")]
public sealed class SubsetAttribute : Attribute
{
    public SubsetMethod Method { get; set; }

    public int Samples { get; set; }

    public double Keep { get; set; }

    public double Prune { get; set; }

    public double Delta { get; set; }

    public double Beta { get; set; }

    public int Interrupt { get; set; }

    public string Holdout { get; set; } = "";

    public int After { get; set; }

    public Precision Precision { get; set; }
}
