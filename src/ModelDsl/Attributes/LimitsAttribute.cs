namespace ModelCompiler;

/// <summary>What the model may cost; the build fails where it costs more. Numbers with their suffixes or units: 20M, 4GiB.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("limits")]
public sealed class LimitsAttribute : Attribute
{
    public string Parameters { get; set; } = "";

    public string FlopsPerToken { get; set; } = "";

    public string Memory { get; set; } = "";

    public string KvCachePerToken { get; set; } = "";
}
