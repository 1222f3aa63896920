using System.Text;

namespace ModelCompiler.Runtime.Tokenizers;

/// <summary>Decodes tokens one by one as a model generates them, holding back bytes until their character is whole.</summary>
public sealed class TokenDecoder(ITextTokenizer tokenizer)
{
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

    /// <summary>The text that is complete with this token; may be empty.</summary>
    public string Append(int token) => Decode(tokenizer.Bytes(token), flush: false);

    /// <summary>What is left at the end: U+FFFD for a character that was never completed, or nothing.</summary>
    public string Flush() => Decode([], flush: true);

    private string Decode(ReadOnlySpan<byte> bytes, bool flush)
    {
        var characters = new char[_decoder.GetCharCount(bytes, flush)];
        _decoder.GetChars(bytes, characters, flush);
        return new string(characters);
    }
}
