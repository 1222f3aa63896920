using ModelCompiler.Runtime.Data.Sources;

namespace ModelCompiler.Runtime.Data.Labels;

/// <summary>A text and its label; the text is never empty, and no zero byte, which would end it, is in it.</summary>
internal readonly record struct LabeledText(string Text, string Label)
{
    public const string Supported = "a .jsonl file, a folder of .jsonl files, a folder with a folder of .txt or .md files for each class, or sdk-docs";

    public static bool IsSupported(string path) => Extension(path) is ".jsonl" or ".txt" or ".md";

    /// <summary>Streams the texts of a file.</summary>
    /// <exception cref="DataException">The file is malformed, or says no class.</exception>
    public static IEnumerable<LabeledText> Read(SourceFile file, string field, string label)
    {
        var texts = Extension(file.Path) switch
        {
            ".jsonl" => JsonLines.ReadLabeled(file.Path, field, label),
            ".xml" => XmlDocumentation.ReadMembers(file.Path),
            _ => OfFolder(file),
        };
        return texts.Where(entry => entry.Text.Length > 0).Select(entry => new LabeledText(entry.Text.Replace('\0', ' '), entry.Label));
    }

    private static IEnumerable<(string Text, string Label)> OfFolder(SourceFile file)
    {
        var end = file.Name.IndexOf('/');
        if (end < 0)
            throw new DataException($"'{file.Path}' lies in no folder that would be its class. Give {Supported}.");
        yield return (string.Concat(PlainText.Read(file.Path).Select(piece => piece.Text)), file.Name[..end]);
    }

    private static string Extension(string path) => Path.GetExtension(path).ToLowerInvariant();
}
