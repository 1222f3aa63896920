using ModelCompiler.ModelDsl;

namespace ModelCompiler;

/// <summary>How the positions of the last layer stand to each other is compared with the teacher's.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("training.distillation.relations")]
public sealed class RelationLossAttribute : Attribute
{
    public RelationKind Kind { get; set; }

    public int Heads { get; set; }

    public double Weight { get; set; }
}
