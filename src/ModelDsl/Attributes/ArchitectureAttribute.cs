namespace ModelCompiler;

/// <summary>The sizes of a model whose layers are written as <see cref="BlocksAttribute"/>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("architecture")]
public sealed class ArchitectureAttribute : Attribute
{
    public int Vocabulary { get; set; }

    public int Context { get; set; }

    public int Width { get; set; }
}
