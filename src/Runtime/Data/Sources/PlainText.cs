namespace ModelCompiler.Runtime.Data.Sources;

/// <summary>A text file in UTF-8 (or UTF-16 with a byte order mark) is one document, read in pieces that end at line ends.</summary>
internal static class PlainText
{
    private const int PieceLength = 1 << 18;

    public static IEnumerable<TextPiece> Read(string path)
    {
        using var reader = new StreamReader(path);
        var buffer = new char[PieceLength];
        var filled = 0;
        while (true)
        {
            var read = reader.ReadBlock(buffer, filled, buffer.Length - filled);
            filled += read;
            if (filled < buffer.Length)
                break;

            var cut = Cut(buffer);
            yield return new TextPiece(new string(buffer, 0, cut), EndsDocument: false);
            filled -= cut;
            buffer.AsSpan(cut, filled).CopyTo(buffer);
        }

        // A full buffer keeps at least one character, so the last piece is empty only if the file is.
        if (filled > 0)
            yield return new TextPiece(new string(buffer, 0, filled), EndsDocument: true);
    }

    /// <summary>After the last line end that is not the last character; without one, before the last code point.</summary>
    private static int Cut(ReadOnlySpan<char> text)
    {
        var line = text[..^1].LastIndexOf('\n') + 1;
        if (line > 0)
            return line;
        return char.IsLowSurrogate(text[^1]) && char.IsHighSurrogate(text[^2]) ? text.Length - 2 : text.Length - 1;
    }
}
