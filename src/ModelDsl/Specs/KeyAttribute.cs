namespace ModelCompiler.ModelDsl;

/// <summary>
/// One key of the language. The reader, the JSON Schema, the docs and the C# attributes all follow these
/// declarations, so a key is described once.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class KeyAttribute(string name, string summary) : Attribute
{
    /// <summary>The key as written in YAML, in kebab-case.</summary>
    public string Name { get; } = name;

    public string Summary { get; } = summary;

    public bool Required { get; set; }

    /// <summary>The key beside which this one is not required after all.</summary>
    public string? Unless { get; set; }

    /// <summary>Inclusive bounds of a number.</summary>
    public double Min { get; set; } = double.NegativeInfinity;

    public double Max { get; set; } = double.PositiveInfinity;
}

/// <summary>The key that a bare scalar (or bare list) stands for: <c>norm: rms</c> is <c>norm: { kind: rms }</c>.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ShorthandAttribute(string key) : Attribute
{
    public string Key { get; } = key;
}

/// <summary>The key by which a layer is written in the layer language.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class LayerAttribute(string name, string summary) : Attribute
{
    public string Name { get; } = name;

    public string Summary { get; } = summary;
}
