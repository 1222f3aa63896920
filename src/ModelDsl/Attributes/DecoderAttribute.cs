namespace ModelCompiler;

/// <summary>The decoder family: <c>architecture: { family: decoder, ... }</c>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("architecture", Entry = "family: decoder")]
public sealed class DecoderAttribute : FamilyAttribute
{
    public int Window { get; set; }

    public int GlobalEvery { get; set; }

    public bool Parallel { get; set; }

    public bool ScaleEmbeddings { get; set; }

    public bool HeadBias { get; set; }
}
