using ModelCompiler.ModelDsl;

namespace ModelCompiler;

/// <summary>The feed-forward sublayer of a family.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("architecture.mlp")]
public sealed class MlpAttribute : Attribute
{
    public MlpKind Kind { get; set; }

    public int Hidden { get; set; }
}
