namespace ModelCompiler;

/// <summary>
/// Where in a model the arguments of an attribute stand: each named argument is the key of its name in kebab-case,
/// <c>KvHeads = 2</c> is <c>kv-heads: 2</c>.
/// </summary>
/// <param name="path">The section, e.g. <c>training.optimizer</c>; empty for the model itself.</param>
[AttributeUsage(AttributeTargets.Class)]
public sealed class SpecSectionAttribute(string path) : Attribute
{
    public string Path { get; } = path;

    /// <summary>An entry that the attribute itself stands for, e.g. <c>family: decoder</c>; null for none.</summary>
    public string? Entry { get; set; }

    /// <summary>The attribute's only argument is the section's value, written in YAML.</summary>
    public bool IsYaml { get; set; }
}
