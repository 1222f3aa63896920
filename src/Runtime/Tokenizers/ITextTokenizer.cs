namespace ModelCompiler.Runtime.Tokenizers;

/// <summary>
/// Text to tokens and back, without loss: <c>Decode(Encode(s)) == s</c> for every string that is valid UTF-16 (a lone
/// surrogate, which UTF-8 cannot say, becomes U+FFFD). Thread-safe.
/// </summary>
public interface ITextTokenizer
{
    /// <summary>Number of different tokens; ids are 0 to Vocabulary − 1.</summary>
    int Vocabulary { get; }

    /// <summary>The token that ends a document. Its bytes are a single zero byte.</summary>
    int EndOfText { get; }

    /// <summary>SHA-256 of all that decides how text is tokenized, in hexadecimal.</summary>
    string Hash { get; }

    /// <summary>Appends the tokens of a text. Text never becomes <see cref="EndOfText"/>, except a zero byte in bytes.</summary>
    void Encode(string text, List<int> into);

    /// <summary>The UTF-8 bytes of one token, which may be a part of a character.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is not in the vocabulary.</exception>
    ReadOnlySpan<byte> Bytes(int token);

    /// <summary>Writes what <see cref="TextTokenizer.Load"/> needs into a folder.</summary>
    void Save(string folder);
}
