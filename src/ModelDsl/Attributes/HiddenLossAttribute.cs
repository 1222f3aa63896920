namespace ModelCompiler;

/// <summary>The outputs of the student's layers are compared with the teacher's.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("training.distillation.hidden")]
public sealed class HiddenLossAttribute : Attribute
{
    public double Weight { get; set; }
}
