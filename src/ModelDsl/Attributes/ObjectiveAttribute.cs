using ModelCompiler.ModelDsl;

namespace ModelCompiler;

/// <summary>What the model learns to predict.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("training.objective")]
public sealed class ObjectiveAttribute : Attribute
{
    public ObjectiveKind Kind { get; set; }

    public double Mask { get; set; }
}
