namespace ModelCompiler.Runtime;

/// <summary>The tokens of an encoder that stand for no text.</summary>
/// <param name="Pad">[PAD], behind sequences that are shorter than others of their batch.</param>
/// <param name="Cls">[CLS], the first of each sequence.</param>
/// <param name="Sep">[SEP], at the end of each part of a sequence.</param>
/// <param name="Mask">[MASK], in the place of a token that is to be predicted.</param>
public sealed record SpecialTokens(int Pad, int Cls, int Sep, int Mask)
{
    /// <summary>How a text names the token that is to be predicted.</summary>
    public const string MaskText = "[MASK]";

    /// <summary>What tokenizers call the others.</summary>
    internal const string PadText = "[PAD]", ClsText = "[CLS]", SepText = "[SEP]";

    /// <summary>The lowest of them, where they are the last of a vocabulary of this size; else null.</summary>
    public int? Reserved(int vocabulary) => this == new SpecialTokens(vocabulary - 4, vocabulary - 3, vocabulary - 2, vocabulary - 1) ? Pad : null;

    /// <summary>Each with its name in a tokenizer_config.json and in a tokenizer.</summary>
    internal IReadOnlyList<(string Key, string Text, int Id)> Named =>
        [("pad_token", PadText, Pad), ("cls_token", ClsText, Cls), ("sep_token", SepText, Sep), ("mask_token", MaskText, Mask)];

    public bool Contains(long token) => token == Pad || token == Cls || token == Sep || token == Mask;

    /// <summary>Tokens before the padding.</summary>
    public int Length(ReadOnlySpan<long> tokens) => tokens.TrimEnd(Pad).Length;
}
