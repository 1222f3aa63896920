namespace ModelCompiler;

/// <summary>Training steps whose middle layers see a random part of the tokens.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("efficiency.token-drop")]
public sealed class TokenDropAttribute : Attribute
{
    public int From { get; set; }

    public int Steps { get; set; }

    public int Multiple { get; set; }

    public int KeepLayers { get; set; }
}
