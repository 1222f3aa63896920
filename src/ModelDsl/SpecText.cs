using System.Globalization;
using System.Reflection;
using System.Text;

namespace ModelCompiler.ModelDsl;

/// <summary>A model of a family as YAML: what its file would hold, without the keys that have their default.</summary>
public static class SpecText
{
    /// <summary>A file that the YAML front end reads as this model.</summary>
    /// <exception cref="NotSupportedException">The model is written in the layer language.</exception>
    public static string Write(ModelSpec spec)
    {
        var text = new StringBuilder();
        foreach (var (key, value) in Entries(spec))
        {
            if (!IsRecord(value.GetType()))
            {
                text.Append($"{key}: {Value(value)}\n");
                continue;
            }

            text.Append($"{key}:\n");
            foreach (var (inner, innerValue) in Entries(value))
                text.Append($"  {inner}: {Value(innerValue)}\n");
        }

        return text.ToString();
    }

    /// <summary>Keys and values that differ from the defaults, and those that must be given.</summary>
    private static IEnumerable<(string Key, object Value)> Entries(object record)
    {
        var defaults = Activator.CreateInstance(record.GetType());
        return record.GetType().GetProperties()
            .Select(property => (Key: property.GetCustomAttribute<KeyAttribute>(), Property: property))
            .Where(pair => pair.Key is not null)
            .Select(pair => (pair.Key!, Value: pair.Property.GetValue(record), Default: pair.Property.GetValue(defaults)))
            .Where(entry => entry.Value is not null && (entry.Item1.Required || !entry.Value.Equals(entry.Default)))
            .Select(entry => (entry.Item1.Name, entry.Value));
    }

    private static string Value(object value) => value switch
    {
        bool truth => truth ? "true" : "false",
        Enum choice => KebabCase.Of(choice.ToString()),
        double number => number.ToString("R", CultureInfo.InvariantCulture).Replace("E", "e"),
        Count count => Value(count.Value),
        string text => IsPlain(text) ? text : "'" + text.Replace("'", "''") + "'",
        EquatableArray<string> texts => $"[{string.Join(", ", texts.Select(Value))}]",
        EquatableArray<LayerSpec> => throw new NotSupportedException("Only models of a family are written as text, not those in the layer language."),
        _ when IsRecord(value.GetType()) => $"{{ {string.Join(", ", Entries(value).Select(entry => $"{entry.Key}: {Value(entry.Value)}"))} }}",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    /// <summary>Whether YAML reads the text as it stands, and as text.</summary>
    private static bool IsPlain(string text) =>
        text.Length > 0 && IsLetter(text[0]) && text.All(c => IsLetter(c) || c is (>= '0' and <= '9') or '-' or '_' or '.' or '/')
        && text is not ("true" or "false" or "null" or "yes" or "no" or "on" or "off");

    private static bool IsLetter(char c) => c is (>= 'a' and <= 'z') or (>= 'A' and <= 'Z');

    private static bool IsRecord(Type type) => type.GetProperties().Any(property => property.IsDefined(typeof(KeyAttribute), inherit: true));
}
