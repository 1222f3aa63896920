using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Tokenizers.Json.Normalizers;

/// <summary>
/// SentencePiece's table of replacements (Kudo and Richardson 2018): the length of a double-array trie (Yata), the trie, and the
/// replacements, each ended by a zero byte. A grapheme of fewer than 6 bytes is looked up whole, others character by character.
/// </summary>
internal sealed class PrecompiledNormalizer
{
    private readonly uint[] _trie;
    private readonly byte[] _replacements;

    /// <param name="map">The table in Base64.</param>
    /// <param name="section">Where it stands.</param>
    public PrecompiledNormalizer(string map, StrictObject section)
    {
        byte[] bytes;
        try
        {
            bytes = Convert.FromBase64String(map);
        }
        catch (FormatException)
        {
            throw section.Refused("precompiled_charsmap", "it is not Base64");
        }

        if (bytes.Length < 4 || BinaryPrimitives.ReadUInt32LittleEndian(bytes) is var size && (size % 4 != 0 || size == 0 || size > bytes.Length - 4))
            throw section.Refused("precompiled_charsmap", "its trie has no valid length");
        _trie = new uint[BinaryPrimitives.ReadUInt32LittleEndian(bytes) / 4];
        for (var i = 0; i < _trie.Length; i++)
            _trie[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4 + (4 * i)));
        _replacements = bytes[(4 + (4 * _trie.Length))..];
    }

    public string Normalize(string text)
    {
        var normal = new StringBuilder(text.Length);
        for (var graphemes = StringInfo.GetTextElementEnumerator(text); graphemes.MoveNext();)
        {
            var grapheme = graphemes.GetTextElement();
            if (Encoding.UTF8.GetByteCount(grapheme) < 6 && Find(grapheme) is { } whole)
            {
                normal.Append(whole);
                continue;
            }

            foreach (var rune in grapheme.EnumerateRunes())
                normal.Append(Find(rune.ToString()) ?? rune.ToString());
        }

        return normal.ToString();
    }

    /// <summary>The replacement of the shortest beginning that the trie holds; null if it holds none.</summary>
    private string? Find(string text)
    {
        var place = Offset(_trie[0]);
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            if (b == 0)
                return null;
            place ^= b;
            if (place >= _trie.Length || (_trie[place] & 0x800000FF) != b)
                return null;
            var unit = _trie[place];
            place ^= Offset(unit);
            if ((unit & 0x100) != 0 && place < _trie.Length)
                return Replacement((int)(_trie[place] & 0x7FFFFFFF));
        }

        return null;
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);

    private string? Replacement(int start)
    {
        if (start > _replacements.Length)
            return null;
        var end = _replacements.AsSpan(start).IndexOf((byte)0);
        return Encoding.UTF8.GetString(_replacements, start, end < 0 ? _replacements.Length - start : end);
    }
}
