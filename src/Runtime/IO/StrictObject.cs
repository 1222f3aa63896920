using System.Text.Json;

namespace ModelCompiler.Runtime.IO;

/// <summary>
/// A JSON object of a file, read strictly: each key is used, compared with the only values that can be obeyed, or known to mean
/// nothing here. Any other is refused by name and value. A key whose value is null is as one that is not there.
/// </summary>
internal sealed class StrictObject
{
    private readonly Dictionary<string, JsonElement> _values = new(StringComparer.Ordinal);
    private readonly HashSet<string> _nulls = new(StringComparer.Ordinal);
    private readonly HashSet<string> _read = new(StringComparer.Ordinal);
    private readonly string _path;
    private readonly string _prefix;
    private readonly Func<string, Exception> _refuse;

    /// <param name="element">The object.</param>
    /// <param name="path">Its file.</param>
    /// <param name="refuse">Makes the exception of a message.</param>
    public StrictObject(JsonElement element, string path, Func<string, Exception> refuse)
        : this(element, path, "", refuse)
    {
    }

    private StrictObject(JsonElement element, string path, string prefix, Func<string, Exception> refuse)
    {
        (_path, _prefix, _refuse) = (path, prefix, refuse);
        if (element.ValueKind != JsonValueKind.Object)
            throw refuse($"'{path}' has no JSON object {(prefix.Length > 0 ? $"in '{prefix}'" : "in it")}. Download it again.");
        foreach (var property in element.EnumerateObject())
        {
            if (property.Value.ValueKind == JsonValueKind.Null)
                _nulls.Add(property.Name);
            else
                _values[property.Name] = property.Value;
        }
    }

    /// <summary>The JSON of a file, in which every text can be read.</summary>
    /// <exception cref="JsonException">It is not valid.</exception>
    public static JsonElement Parse(byte[] json)
    {
        var reader = new Utf8JsonReader(json);
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName)
                    _ = reader.GetString();
            }
        }
        catch (InvalidOperationException e)
        {
            throw new JsonException(e.Message, e); // half of a surrogate pair
        }

        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }

    public bool Has(string key) => _values.ContainsKey(key);

    /// <summary>Whether it is there with the value null, where that means something else than its absence.</summary>
    public bool IsNull(string key) => _nulls.Contains(key);

    /// <summary>Null if it is not there.</summary>
    public JsonElement? Element(string key)
    {
        _read.Add(key);
        return _values.TryGetValue(key, out var value) ? value : null;
    }

    public int Int(string key) => OptionalInt(key) ?? throw Lacks(key);

    public int? OptionalInt(string key) => Element(key) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number
        : throw Refused(key, "a whole number belongs there");

    public double? OptionalNumber(string key) => Element(key) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && double.IsFinite(number) ? number
        : throw Refused(key, "a number belongs there");

    public bool Flag(string key, bool otherwise) => Element(key) is not { } value ? otherwise
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
        : throw Refused(key, "true or false belongs there");

    public string Text(string key) => OptionalText(key) ?? throw Lacks(key);

    public string? OptionalText(string key) => Element(key) is not { } value ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString()
        : throw Refused(key, "text belongs there");

    /// <summary>One of some values, by their names there.</summary>
    public T Choice<T>(string key, string otherwise, params ReadOnlySpan<(string Name, T Value)> choices)
    {
        var name = OptionalText(key) ?? otherwise;
        foreach (var choice in choices)
        {
            if (choice.Name == name)
                return choice.Value;
        }

        throw Refused(key, $"of its values only {string.Join(", ", choices.ToArray().Select(choice => choice.Name))} can be obeyed");
    }

    /// <summary>Refuses every value of a key but one, and its absence if that means another.</summary>
    public void Expect(string key, bool value, bool otherwise)
    {
        if (Flag(key, otherwise) != value)
            throw Refused(key, $"only {(value ? "true" : "false")} can be obeyed");
    }

    /// <summary>Refuses every value of a key but false and 0.</summary>
    public void ExpectNone(string key)
    {
        if (Element(key) is { } value && value.ValueKind != JsonValueKind.False && !(value.ValueKind == JsonValueKind.Number && value.GetDouble() == 0))
            throw Refused(key, "it cannot be obeyed");
    }

    /// <summary>The texts of a list; none if it is not there.</summary>
    public IReadOnlyList<string> Texts(string key) =>
        List(key, item => item.ValueKind == JsonValueKind.String, item => item.GetString()!, "a list of texts");

    /// <summary>The numbers of a list; none if it is not there.</summary>
    public IReadOnlyList<int> Ints(string key) =>
        List(key, item => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out _), item => item.GetInt32(), "a list of whole numbers");

    /// <summary>The objects of a list; none if it is not there.</summary>
    public IReadOnlyList<StrictObject> Sections(string key) =>
        List(key, item => item.ValueKind == JsonValueKind.Object, item => new StrictObject(item, _path, $"{_prefix}{key}.", _refuse), "a list of objects");

    /// <summary>A nested object; null if it is not there.</summary>
    public StrictObject? Section(string key) => Element(key) is not { } value ? null
        : value.ValueKind == JsonValueKind.Object ? new StrictObject(value, _path, $"{_prefix}{key}.", _refuse)
        : throw Refused(key, "an object belongs there");

    /// <summary>Keys that mean nothing here.</summary>
    public void Ignore(params IEnumerable<string> keys) => _read.UnionWith(keys);

    /// <summary>Refuses what was not read.</summary>
    public void Finish()
    {
        if (_values.Keys.FirstOrDefault(key => !_read.Contains(key)) is { } unknown)
            throw Refused(unknown, "this key is not known, so it could change what is computed");
    }

    public Exception Refused(string key, string reason) => _refuse(
        $"'{_path}' has '{_prefix}{key}': {(_values.TryGetValue(key, out var value) ? Shorten(value.GetRawText()) : "null")}; {reason}.");

    private Exception Lacks(string key) => _refuse($"'{_path}' has no '{_prefix}{key}'. Download it again.");

    private IReadOnlyList<T> List<T>(string key, Func<JsonElement, bool> fits, Func<JsonElement, T> read, string what) => Element(key) is not { } value ? []
        : value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(fits) ? [.. value.EnumerateArray().Select(read)]
        : throw Refused(key, what + " belongs there");

    private static string Shorten(string text) => text.Length <= 100 ? text : text[..100] + "…";
}
