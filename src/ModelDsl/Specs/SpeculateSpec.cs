namespace ModelCompiler.ModelDsl;

/// <summary>A smaller model that proposes tokens while this one generates (speculative decoding, Leviathan et al. 2023).</summary>
[Shorthand("draft")]
public sealed record SpeculateSpec
{
    [Key("draft", "The declared model that proposes tokens; with the same vocabulary and tokenizer.", Required = true)]
    public string Draft { get; init; } = "";

    [Key("tokens", "Tokens that it proposes at a time.", Min = 1, Max = 64)]
    public int Tokens { get; init; } = 4;
}
