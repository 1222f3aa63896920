namespace ModelCompiler;

/// <summary>The layers of a model in the layer language: a YAML list, best written as a raw string.</summary>
/// <param name="yaml">What stands under <c>architecture.blocks</c> in a model file.</param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("architecture.blocks", IsYaml = true)]
public sealed class BlocksAttribute(string yaml) : Attribute
{
    public string Yaml { get; } = yaml;
}
