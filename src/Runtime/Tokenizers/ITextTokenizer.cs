namespace ModelCompiler.Runtime.Tokenizers;

/// <summary>
/// Text to tokens and back. Tokenizers of ours lose nothing: <c>Decode(Encode(s)) == s</c> for every string that is valid UTF-16 (a
/// lone surrogate, which UTF-8 cannot say, becomes U+FFFD). Those of a tokenizer.json may normalize. Thread-safe.
/// </summary>
public interface ITextTokenizer
{
    /// <summary>Number of different tokens; ids are 0 to Vocabulary − 1.</summary>
    int Vocabulary { get; }

    /// <summary>The token that ends a document. Its bytes are a single zero byte.</summary>
    int EndOfText { get; }

    /// <summary>The token before a document; <see cref="EndOfText"/>, that of the document before, where there is none of its own.</summary>
    int StartOfText => EndOfText;

    /// <summary>SHA-256 of all that decides how text is tokenized, in hexadecimal.</summary>
    string Hash { get; }

    /// <summary>
    /// Appends the tokens of a text. Text never becomes <see cref="EndOfText"/>, except a zero byte in bytes, and the name of the token
    /// itself in tokenizers of a tokenizer.json.
    /// </summary>
    void Encode(string text, List<int> into);

    /// <summary>The UTF-8 bytes of one token, which may be a part of a character.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is not in the vocabulary.</exception>
    ReadOnlySpan<byte> Bytes(int token);

    /// <summary>Writes <c>tokenizer.json</c> and <c>tokenizer_config.json</c>, by which Hugging Face's libraries know the tokenizer.</summary>
    /// <param name="folder">Made if it does not exist.</param>
    /// <param name="special">The tokens of an encoder that stand for no text, which a tokenizer of ours has not; null for none.</param>
    void Export(string folder, SpecialTokens? special = null);

    /// <summary>Writes what <see cref="TextTokenizer.Load"/> needs into a folder.</summary>
    void Save(string folder);
}
