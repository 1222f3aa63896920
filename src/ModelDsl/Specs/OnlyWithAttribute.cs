namespace ModelCompiler.ModelDsl;

/// <summary>The key has an effect only while another key of its mapping has one of these values.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class OnlyWithAttribute(string key, params object[] values) : Attribute
{
    /// <summary>The other key, as written in YAML.</summary>
    public string Key { get; } = key;

    public object[] Values { get; } = values;
}
