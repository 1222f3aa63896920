using System.Text.Json;

namespace ModelCompiler.Runtime.Data.Sources;

/// <summary>One JSON object a line, each a document. Blank lines and documents whose text is null or empty are passed over.</summary>
internal static class JsonLines
{
    public static IEnumerable<TextPiece> Read(string path, string field)
    {
        using var reader = new StreamReader(path);
        for (var number = 1; reader.ReadLine() is { } line; number++)
        {
            if (string.IsNullOrWhiteSpace(line))
                continue;
            if (Text(line, field, path, number) is { Length: > 0 } text)
                yield return new TextPiece(text, EndsDocument: true);
        }
    }

    private static string? Text(string line, string field, string path, int number)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
                throw new DataException($"{path}, line {number}: a JSON object is expected, not {root.ValueKind}.");
            if (!root.TryGetProperty(field, out var text))
            {
                var keys = string.Join(", ", root.EnumerateObject().Select(property => property.Name).Take(20));
                throw new DataException($"{path}, line {number}: there is no field '{field}'; set data.field to one of: {keys}.");
            }

            return text.ValueKind switch
            {
                JsonValueKind.String => text.GetString(),
                JsonValueKind.Null => null,
                _ => throw new DataException($"{path}, line {number}: the field '{field}' is {text.ValueKind}, not a string; set data.field to another."),
            };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new DataException($"{path}, line {number} is not valid JSON ({e.Message}). Each line must be one JSON object.", e);
        }
    }
}
