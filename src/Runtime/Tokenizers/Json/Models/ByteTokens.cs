using System.Globalization;
using System.Text;

namespace ModelCompiler.Runtime.Tokenizers.Json.Models;

/// <summary>The tokens <c>&lt;0x00&gt;</c> to <c>&lt;0xFF&gt;</c> that stand for bytes without another token (SentencePiece).</summary>
internal static class ByteTokens
{
    /// <summary>The tokens of a text's bytes; null unless the vocabulary has them all.</summary>
    public static int[]? Find(string text, IReadOnlyDictionary<string, int> vocabulary)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var tokens = new int[bytes.Length];
        for (var i = 0; i < bytes.Length; i++)
        {
            if (!vocabulary.TryGetValue(string.Create(CultureInfo.InvariantCulture, $"<0x{bytes[i]:X2}>"), out tokens[i]))
                return null;
        }

        return tokens;
    }

    /// <summary>The byte that a token stands for; null for other tokens.</summary>
    public static byte? Value(string token) =>
        token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
        && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) ? value : null;
}
