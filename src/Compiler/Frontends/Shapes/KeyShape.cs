using System.Globalization;
using System.Reflection;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Shapes;

/// <summary>One key of a record of the language.</summary>
public sealed class KeyShape
{
    private readonly PropertyInfo _property;
    private readonly Dictionary<string, object> _choices = [];

    internal KeyShape(PropertyInfo property, KeyAttribute key)
    {
        _property = property;
        Name = key.Name;
        Summary = key.Summary;
        Required = key.Required;
        Unless = key.Unless;
        Min = key.Min;
        Max = key.Max;
        OnlyWith = property.GetCustomAttribute<OnlyWithAttribute>();
        Type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        Kind = KindOf(Type);
        if (Kind == ValueKind.Choice)
            foreach (var value in Enum.GetValues(Type))
                _choices.Add(KebabCase.Of(value.ToString()), value);
        if (Kind is ValueKind.WholeNumber or ValueKind.NumberList) (Min, Max) = (Math.Max(Min, int.MinValue), Math.Min(Max, int.MaxValue));
    }

    /// <summary>As written in YAML.</summary>
    public string Name { get; }

    public string Summary { get; }

    public bool Required { get; }

    /// <summary>The key beside which this one is not required after all.</summary>
    public string? Unless { get; }

    /// <summary>Inclusive bounds of a number.</summary>
    public double Min { get; }

    public double Max { get; }

    public OnlyWithAttribute? OnlyWith { get; }

    /// <summary>The type of the value; the underlying one of a nullable.</summary>
    public Type Type { get; }

    public ValueKind Kind { get; }

    /// <summary>Whether it is a section or a list, which has no default of its own.</summary>
    public bool IsCompound => Kind is ValueKind.Record or ValueKind.TextList or ValueKind.NumberList or ValueKind.LayerList;

    /// <summary>The members of an enum by their names in YAML.</summary>
    public IReadOnlyDictionary<string, object> Choices => _choices;

    public string PropertyName => _property.Name;

    public object? Get(object record) => _property.GetValue(record);

    public void Set(object record, object value) => _property.SetValue(record, value);

    /// <summary>For messages and docs: "a whole number from 1 to 1024".</summary>
    public string Describe() => Kind switch
    {
        ValueKind.Text => "text",
        ValueKind.WholeNumber => "a whole number" + DescribeRange(),
        ValueKind.Number => "a number" + DescribeRange(),
        ValueKind.Boolean => "true or false",
        ValueKind.Choice => "one of " + string.Join(", ", Choices.Keys),
        ValueKind.Record => "a mapping",
        ValueKind.TextList => "a list of texts",
        ValueKind.NumberList => "a list of whole numbers" + DescribeRange(),
        ValueKind.LayerList => "a list of layers",
        ValueKind.ByteSize => "a number of bytes such as 512MiB",
        ValueKind.Count => "a number such as 20M, 1.5B or 1e18",
        _ => throw new InvalidOperationException($"no description of {Kind}"),
    };

    /// <summary>The same of an item, for a list of numbers.</summary>
    public string DescribeScalar() => Kind == ValueKind.NumberList ? "a whole number" + DescribeRange() : Describe();

    /// <summary>A default or a bound as YAML writes it.</summary>
    public static string Write(object value) => value switch
    {
        bool truth => truth ? "true" : "false",
        Enum choice => KebabCase.Of(choice.ToString()),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture).Replace("E", "e"),
        _ => value.ToString(),
    };

    private string DescribeRange() => (double.IsInfinity(Min), double.IsInfinity(Max)) switch
    {
        (true, true) => "",
        (false, true) => $" of at least {Write(Min)}",
        (true, false) => $" of at most {Write(Max)}",
        (false, false) => $" from {Write(Min)} to {Write(Max)}",
    };

    private static ValueKind KindOf(Type type) =>
        type == typeof(string) ? ValueKind.Text
        : type == typeof(int) ? ValueKind.WholeNumber
        : type == typeof(double) ? ValueKind.Number
        : type == typeof(ByteSize) ? ValueKind.ByteSize
        : type == typeof(Count) ? ValueKind.Count
        : type == typeof(bool) ? ValueKind.Boolean
        : type.IsEnum ? ValueKind.Choice
        : type == typeof(EquatableArray<string>) ? ValueKind.TextList
        : type == typeof(EquatableArray<int>) ? ValueKind.NumberList
        : type == typeof(EquatableArray<LayerSpec>) ? ValueKind.LayerList
        : RecordShape.IsRecord(type) ? ValueKind.Record
        : throw new InvalidOperationException($"the language has no values of type {type}");
}
