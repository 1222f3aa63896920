namespace ModelCompiler;

/// <summary>The layers of the teacher that the student's layers start as.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("training.distillation.initialize")]
public sealed class InitializeAttribute : Attribute
{
    public int[] Layers { get; set; } = [];
}
