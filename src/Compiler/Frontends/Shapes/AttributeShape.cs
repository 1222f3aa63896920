using System.Reflection;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Shapes;

/// <summary>A C# attribute of the language: the section that its arguments fill.</summary>
/// <param name="FullName">Of the attribute class, with its namespace.</param>
/// <param name="Section">Keys from the model to the section; empty for the model itself.</param>
/// <param name="Entry">An entry that the attribute itself stands for, as family: decoder.</param>
/// <param name="IsYaml">Its only argument is the section's value in YAML.</param>
public sealed record AttributeShape(string FullName, EquatableArray<string> Section, KeyValuePair<string, string>? Entry, bool IsYaml)
{
    /// <summary>All attributes of the language by their full names.</summary>
    public static IReadOnlyDictionary<string, AttributeShape> All { get; } = typeof(SpecSectionAttribute).Assembly.GetTypes()
        .Where(type => type.IsDefined(typeof(SpecSectionAttribute)))
        .OrderBy(type => type.FullName, StringComparer.Ordinal)
        .Select(type => Of(type, type.GetCustomAttribute<SpecSectionAttribute>()!))
        .ToDictionary(shape => shape.FullName);

    private static AttributeShape Of(Type type, SpecSectionAttribute section) => new(
        type.FullName,
        section.Path.Split(['.'], StringSplitOptions.RemoveEmptyEntries).ToEquatableArray(),
        section.Entry?.Split([": "], StringSplitOptions.None) is [var key, var value] ? new(key, value) : null,
        section.IsYaml);
}
