namespace ModelCompiler;

/// <summary>The teacher runs once, and its likeliest tokens are kept on disk.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("training.distillation.cache")]
public sealed class TeacherCacheAttribute : Attribute
{
    public int TopK { get; set; }
}
