using System.Text.Json;

namespace ModelCompiler.Runtime.Data.Sources;

/// <summary>One JSON object a line, each a document. Blank lines and documents whose text is null or empty are passed over.</summary>
internal static class JsonLines
{
    public static IEnumerable<TextPiece> Read(string path, string field) =>
        from line in Lines(path)
        let text = Parse(path, line, root => Text(root, "field", field))
        where text is { Length: > 0 }
        select new TextPiece(text!, EndsDocument: true);

    /// <summary>The texts with the value of another field, a string or a whole number.</summary>
    public static IEnumerable<(string Text, string Label)> ReadLabeled(string path, string field, string label) =>
        from line in Lines(path)
        let entry = Parse(path, line, root => (Text: Text(root, "field", field), Label: Label(root, label)))
        where entry.Text is { Length: > 0 }
        select (entry.Text!, entry.Label);

    private static IEnumerable<(string Text, int Number)> Lines(string path)
    {
        using var reader = new StreamReader(path);
        for (var number = 1; reader.ReadLine() is { } line; number++)
        {
            if (!string.IsNullOrWhiteSpace(line))
                yield return (line, number);
        }
    }

    private static T Parse<T>(string path, (string Text, int Number) line, Func<JsonElement, T> read)
    {
        try
        {
            using var document = JsonDocument.Parse(line.Text);
            var root = document.RootElement;
            return root.ValueKind == JsonValueKind.Object
                ? read(root)
                : throw new FormatException($": a JSON object is expected, not {root.ValueKind}.");
        }
        catch (FormatException e)
        {
            throw new DataException($"{path}, line {line.Number}{e.Message}");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new DataException($"{path}, line {line.Number} is not valid JSON ({e.Message}). Each line must be one JSON object.", e);
        }
    }

    private static string? Text(JsonElement root, string key, string name)
    {
        var value = Property(root, key, name);
        return value.ValueKind switch
        {
            JsonValueKind.String => value.GetString(),
            JsonValueKind.Null => null,
            _ => throw new FormatException($": the field '{name}' is {value.ValueKind}, not a string; set data.{key} to another."),
        };
    }

    private static string Label(JsonElement root, string name)
    {
        var value = Property(root, "label", name);
        return value.ValueKind == JsonValueKind.Number ? value.GetRawText()
            : Text(root, "label", name) ?? throw new FormatException($": the field '{name}' is null; each text needs a label.");
    }

    private static JsonElement Property(JsonElement root, string key, string name)
    {
        if (root.TryGetProperty(name, out var value)) return value;
        var keys = string.Join(", ", root.EnumerateObject().Select(property => property.Name).Take(20));
        throw new FormatException($": there is no field '{name}'; set data.{key} to one of: {keys}.");
    }
}
