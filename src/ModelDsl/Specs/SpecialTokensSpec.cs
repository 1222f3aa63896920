namespace ModelCompiler.ModelDsl;

/// <summary>The tokens of an encoder that stand for no text.</summary>
public sealed record SpecialTokensSpec
{
    /// <summary>How many there are.</summary>
    public const int Count = 4;

    [Key("pad", "[PAD], behind shorter sequences. Default: the fourth from the end of the vocabulary.", Min = 0, Max = 1_048_575)]
    public int? Pad { get; init; }

    [Key("cls", "[CLS], the first of each sequence. Default: the third from the end.", Min = 0, Max = 1_048_575)]
    public int? Cls { get; init; }

    [Key("sep", "[SEP], at the end of each part of a sequence. Default: the second from the end.", Min = 0, Max = 1_048_575)]
    public int? Sep { get; init; }

    [Key("mask", "[MASK], in the place of a token that is to be predicted. Default: the last.", Min = 0, Max = 1_048_575)]
    public int? Mask { get; init; }

    /// <summary>The same with every default filled in.</summary>
    public static SpecialTokensSpec Resolve(ArchitectureSpec architecture)
    {
        var (declared, v) = (architecture.SpecialTokens ?? new(), architecture.Vocabulary);
        return new() { Pad = declared.Pad ?? v - 4, Cls = declared.Cls ?? v - 3, Sep = declared.Sep ?? v - 2, Mask = declared.Mask ?? v - 1 };
    }
}
