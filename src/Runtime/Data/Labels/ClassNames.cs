using System.Globalization;
using System.Text.Json;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Data.Labels;

/// <summary>
/// The classes by number: labels in ordinal order, or, where all of them are whole numbers, the numbers themselves.
/// </summary>
public sealed class ClassNames
{
    private const string FileName = "classes.json";

    private readonly string[] _names;
    private readonly Dictionary<string, int> _numbers;

    private ClassNames(string[] names)
    {
        _names = names;
        _numbers = names.Select((name, number) => (name, number)).ToDictionary(pair => pair.name, pair => pair.number, StringComparer.Ordinal);
    }

    public string this[int number] => number < _names.Length ? _names[number] : Number(number);

    /// <summary>The classes of these labels.</summary>
    /// <exception cref="DataException">There are more than the model has.</exception>
    public static ClassNames Of(IEnumerable<string> labels, int classes)
    {
        var distinct = labels.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToArray();
        var numbers = distinct.Select(label => int.TryParse(label, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1).ToArray();
        if (distinct.Length > 0 && numbers.All(number => number >= 0))
        {
            return numbers.Max() < classes
                ? new ClassNames([.. Enumerable.Range(0, classes).Select(Number)])
                : throw new DataException($"The label {numbers.Max()} is none of the model's {classes} classes, 0 to {classes - 1}; set architecture.classes to {numbers.Max() + 1}.");
        }

        return distinct.Length <= classes
            ? new ClassNames(distinct)
            : throw new DataException(
                $"The text has {distinct.Length} classes ({string.Join(", ", distinct.Take(8))}{(distinct.Length > 8 ? ", …" : "")}) but the model {classes}; "
                + $"set architecture.classes to {distinct.Length}.");
    }

    /// <summary>The classes of a trained model; numbers alone if its folder has none.</summary>
    /// <exception cref="DataException">The file is damaged.</exception>
    public static ClassNames Load(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            return new ClassNames(File.Exists(path) ? JsonSerializer.Deserialize<string[]>(File.ReadAllBytes(path))! : []);
        }
        catch (JsonException e)
        {
            throw new DataException($"'{path}' is no list of names ({e.Message}). Train the model again, or write a JSON list of its classes there.", e);
        }
    }

    public void Save(string folder) => AtomicFile.WriteText(Path.Combine(folder, FileName), JsonSerializer.Serialize(_names));

    /// <summary>The number of a label.</summary>
    public int NumberOf(string label) => _numbers[label];

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
