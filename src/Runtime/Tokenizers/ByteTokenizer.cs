using System.Security.Cryptography;
using System.Text;

namespace ModelCompiler.Runtime.Tokenizers;

/// <summary>Each UTF-8 byte is a token; byte 0 also ends a document.</summary>
public sealed class ByteTokenizer : ITextTokenizer
{
    internal const string ClassName = "ByteTokenizer";

    private static readonly byte[] s_bytes = [.. Enumerable.Range(0, 256).Select(b => (byte)b)];

    public int Vocabulary => 256;

    public int EndOfText => 0;

    public string Hash { get; } = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(ClassName)));

    public void Encode(string text, List<int> into)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        into.EnsureCapacity(into.Count + bytes.Length);
        foreach (var b in bytes)
            into.Add(b);
    }

    public ReadOnlySpan<byte> Bytes(int token)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(token);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(token, 255);
        return s_bytes.AsSpan(token, 1);
    }

    public void Save(string folder) => TextTokenizer.SaveConfig(folder, ClassName, ByteAlphabet.ToText([0]));

    public void Export(string folder, SpecialTokens? special = null) =>
        TokenizerJson.Write(folder, [.. s_bytes.Select(b => ByteAlphabet.ToText([b]))], [], endOfText: null, special);
}
