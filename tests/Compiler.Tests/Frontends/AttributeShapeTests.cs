using System.Reflection;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Compiler.Frontends.Shapes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Frontends;

/// <summary>What can be written in YAML can be written in C#, and the other way.</summary>
public class AttributeShapeTests
{
    // The class says the model's name and namespace; [Decoder] says the family; [Blocks] is YAML.
    private static readonly string[] s_notNamed = ["model", "namespace", "architecture.family", "architecture.blocks"];

    [Fact]
    public void Every_key_has_an_attribute_property_of_its_type()
    {
        var keys = Keys(RecordShape.Of(typeof(ModelSpec)), SpecPath.Root).ToDictionary(pair => pair.Path, pair => AttributeType(pair.Key));
        foreach (var path in s_notNamed) Assert.True(keys.Remove(path), path);

        var properties = Properties()
            .Where(pair => pair.Attribute != typeof(ArchitectureAttribute))
            .GroupBy(pair => pair.Path) // families share keys
            .ToDictionary(group => group.Key, group => group.Select(pair => pair.Property.PropertyType).Distinct().Single());
        Assert.Equal(keys.OrderBy(pair => pair.Key, StringComparer.Ordinal), properties.OrderBy(pair => pair.Key, StringComparer.Ordinal));
    }

    [Fact]
    public void Architecture_has_what_stands_beside_blocks() =>
        Assert.Equal(
            ["architecture.context", "architecture.vocabulary", "architecture.width"],
            Properties().Where(pair => pair.Attribute == typeof(ArchitectureAttribute)).Select(pair => pair.Path).Order());

    [Fact]
    public void Every_family_has_an_attribute() =>
        Assert.Equal(
            Enum.GetNames<Family>().Select(name => KeyValuePair.Create("family", KebabCase.Of(name))).OrderBy(entry => entry.Value),
            AttributeShape.All.Values.Select(shape => shape.Entry).OfType<KeyValuePair<string, string>>().OrderBy(entry => entry.Value));

    [Fact]
    public void Blocks_are_yaml() =>
        Assert.Equal(["architecture.blocks"], AttributeShape.All.Values.Where(shape => shape.IsYaml).Select(Section));

    private static IEnumerable<(string Path, KeyShape Key)> Keys(RecordShape record, string path) => record.Keys.SelectMany(key =>
        key.Kind == ValueKind.Record
            ? Keys(RecordShape.Of(key.Type), SpecPath.Key(path, key.Name))
            : [(SpecPath.Key(path, key.Name), key)]);

    private static IEnumerable<(Type Attribute, string Path, PropertyInfo Property)> Properties() =>
        from shape in AttributeShape.All.Values
        where !shape.IsYaml
        let type = typeof(ModelAttribute).Assembly.GetType(shape.FullName, throwOnError: true)!
        from property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
        where property.DeclaringType != typeof(Attribute)
        select (type, SpecPath.Key(Section(shape), KebabCase.Of(property.Name)), property);

    private static string Section(AttributeShape shape) => string.Join(".", shape.Section);

    private static Type AttributeType(KeyShape key) => key.Kind switch
    {
        ValueKind.TextList => typeof(string[]),
        ValueKind.NumberList => typeof(int[]),
        ValueKind.ByteSize or ValueKind.Count => typeof(string),
        _ => key.Type,
    };
}
