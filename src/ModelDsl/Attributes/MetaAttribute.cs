using ModelCompiler.ModelDsl;

namespace ModelCompiler;

/// <summary>Learning to adapt to new tasks in a few steps.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("training.meta")]
public sealed class MetaAttribute : Attribute
{
    public MetaMethod Method { get; set; }

    public int InnerSteps { get; set; }

    public double InnerRate { get; set; }

    public bool LearnRates { get; set; }

    public int Tasks { get; set; }

    public int Support { get; set; }

    public int Query { get; set; }

    public TaskKind By { get; set; }

    public string Field { get; set; } = "";
}
