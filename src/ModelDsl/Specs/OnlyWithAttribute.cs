namespace ModelCompiler.ModelDsl;

/// <summary>The key has an effect only while another key of its mapping has one of these values.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class OnlyWithAttribute(string key, params object[] values) : Attribute
{
    /// <summary>The other key, as written in YAML.</summary>
    public string Key { get; } = key;

    public object[] Values { get; } = values;

    /// <summary>Whether the key has an effect.</summary>
    /// <param name="valueOf">The value of a key of the mapping, by its name.</param>
    public bool Holds(Func<string, object?> valueOf) => Values.Contains(valueOf(Key));
}
