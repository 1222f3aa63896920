namespace ModelCompiler.Runtime.Tokenizers;

/// <summary>
/// The printable character that stands for each byte in <c>vocab.json</c> and <c>merges.txt</c> (Radford et al. 2019, GPT-2):
/// printable Latin-1 characters stand for themselves, the other bytes for U+0100 and following.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] s_characters = Characters();
    private static readonly Dictionary<char, byte> s_bytes =
        s_characters.Select((character, b) => (character, b)).ToDictionary(pair => pair.character, pair => (byte)pair.b);

    public static string ToText(ReadOnlySpan<byte> bytes)
    {
        var text = new char[bytes.Length];
        for (var i = 0; i < text.Length; i++)
            text[i] = s_characters[bytes[i]];
        return new string(text);
    }

    /// <summary>The bytes that a text of the alphabet stands for; null if it has a character outside it.</summary>
    public static byte[]? ToBytes(string text)
    {
        var bytes = new byte[text.Length];
        for (var i = 0; i < bytes.Length; i++)
        {
            if (!s_bytes.TryGetValue(text[i], out bytes[i]))
                return null;
        }

        return bytes;
    }

    private static char[] Characters()
    {
        var characters = new char[256];
        var next = (char)256;
        for (var b = 0; b < 256; b++)
            characters[b] = b is (>= '!' and <= '~') or (>= '¡' and <= '¬') or (>= '®' and <= 'ÿ') ? (char)b : next++;
        return characters;
    }
}
