using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Tests.Data;

/// <summary>The i-th character of a text is token i, from 1, so that a token tells its place. Each stands for two bytes.</summary>
internal sealed class CountingTokenizer : ITextTokenizer
{
    public int Vocabulary => 256;

    public int EndOfText => 0;

    public string Hash => "counting";

    public void Encode(string text, List<int> into) => into.AddRange(Enumerable.Range(1, text.Length));

    public ReadOnlySpan<byte> Bytes(int token) => token == 0 ? "\0"u8 : "xx"u8;

    public void Export(string folder, SpecialTokens? special = null) => throw new NotSupportedException();

    public void Save(string folder) => throw new NotSupportedException();
}
