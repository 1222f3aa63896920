namespace ModelCompiler.Runtime.Data.Sources;

/// <summary>The formats of training text, by file extension.</summary>
internal static class TextFormats
{
    /// <summary>Changes whenever a reader gives other text for the same file; token caches depend on it.</summary>
    public const int Version = 1;

    public const string Supported = ".txt, .md, .jsonl or .parquet";

    public static bool IsSupported(string path) => Extension(path) is ".txt" or ".md" or ".jsonl" or ".parquet";

    /// <summary>Streams the documents of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="field">The text's field in JSONL and its column in Parquet.</param>
    /// <exception cref="DataException">The file is missing, unreadable or malformed.</exception>
    public static IEnumerable<TextPiece> Read(string path, string field)
    {
        using var pieces = Open(path, field).GetEnumerator();
        while (true)
        {
            try
            {
                if (!pieces.MoveNext())
                    yield break;
            }
            catch (Exception e) when (e is not (DataException or OutOfMemoryException))
            {
                // Readers of damaged files throw many kinds of exceptions.
                throw new DataException($"'{path}' cannot be read ({e.Message}). Repair or remove the file, or give other text with --data.", e);
            }

            yield return pieces.Current;
        }
    }

    private static IEnumerable<TextPiece> Open(string path, string field) => Extension(path) switch
    {
        ".txt" or ".md" => PlainText.Read(path),
        ".jsonl" => JsonLines.Read(path, field),
        ".parquet" => ParquetText.Read(path, field),
        ".xml" => XmlDocumentation.Read(path),
        _ => throw new DataException($"'{path}' is no text that can be read; give a file or folder of {Supported}."),
    };

    private static string Extension(string path) => Path.GetExtension(path).ToLowerInvariant();
}
