using System.Collections.Concurrent;
using System.Reflection;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Shapes;

/// <summary>
/// A record of the language as its <see cref="KeyAttribute"/>, <see cref="ShorthandAttribute"/> and
/// <see cref="LayerAttribute"/> declare it, found by reflection once per type.
/// </summary>
public sealed class RecordShape
{
    private static readonly ConcurrentDictionary<Type, RecordShape> s_shapes = new();

    private static readonly Lazy<ILookup<string, string>> s_sections = new(() =>
        Sections(Of(typeof(ModelSpec)), SpecPath.Root).ToLookup(pair => pair.Key, pair => pair.Section));

    private readonly Dictionary<string, KeyShape> _byName;
    private readonly object _defaults;

    private RecordShape(Type type)
    {
        Type = type;
        Layer = type.GetCustomAttribute<LayerAttribute>();
        Keys = type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Select(property => (Property: property, Key: property.GetCustomAttribute<KeyAttribute>()))
            .Where(pair => pair.Key is not null)
            .OrderBy(pair => pair.Property.DeclaringType == type ? 0 : 1)
            .ThenBy(pair => pair.Property.MetadataToken)
            .Select(pair => new KeyShape(pair.Property, pair.Key!))
            .ToArray();
        _byName = Keys.ToDictionary(key => key.Name);
        Names = Keys.Select(key => key.Name).ToArray();
        Shorthand = type.GetCustomAttribute<ShorthandAttribute>() is { } shorthand ? _byName[shorthand.Key] : null;
        _defaults = New();
    }

    /// <summary>All layers, by name in the order of their declaration.</summary>
    public static IReadOnlyDictionary<string, RecordShape> Layers { get; } = typeof(LayerSpec).Assembly.GetTypes()
        .Where(type => type.IsSubclassOf(typeof(LayerSpec)) && !type.IsAbstract)
        .OrderBy(type => type.MetadataToken)
        .Select(Of)
        .ToDictionary(shape => shape.Layer!.Name);

    public Type Type { get; }

    /// <summary>Whether a key has an effect beside the others of a record.</summary>
    public bool HasEffect(KeyShape key, object record) => key.OnlyWith?.Holds(name => Find(name)!.Get(record)) ?? true;

    /// <summary>How the record is written as a layer; null for other records.</summary>
    public LayerAttribute? Layer { get; }

    /// <summary>In the order of their declaration.</summary>
    public IReadOnlyList<KeyShape> Keys { get; }

    public IReadOnlyList<string> Names { get; }

    /// <summary>The key that a bare value stands for.</summary>
    public KeyShape? Shorthand { get; }

    public bool HasRequiredKeys => Keys.Any(key => key.Required);

    public static RecordShape Of(Type type) => s_shapes.GetOrAdd(type, t => new RecordShape(t));

    /// <summary>The section of a model that has this key; null if none or several have.</summary>
    public static string? SectionOf(string key) => s_sections.Value[key].ToArray() is [var section] ? section : null;

    public KeyShape? Find(string name) => _byName.TryGetValue(name, out var key) ? key : null;

    public object New() => Activator.CreateInstance(Type);

    /// <summary>The value of a key that is not given; null where there is none.</summary>
    public object? Default(KeyShape key) => key.Required ? null : key.Get(_defaults);

    private static IEnumerable<(string Key, string Section)> Sections(RecordShape shape, string path) =>
        shape.Keys.SelectMany(key =>
            (key.Kind == ValueKind.Record ? Sections(Of(key.Type), SpecPath.Key(path, key.Name)) : [])
            .Prepend((key.Name, SpecPath.Describe(path))));

    internal static bool IsRecord(Type type) =>
        type.GetProperties().Any(property => property.IsDefined(typeof(KeyAttribute), inherit: true));
}
