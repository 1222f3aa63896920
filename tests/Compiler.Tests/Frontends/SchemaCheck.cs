using System.Globalization;
using System.Text.Json;
using ModelCompiler.Compiler.Frontends;

namespace ModelCompiler.Compiler.Tests.Frontends;

/// <summary>The part of JSON Schema (draft 2020-12) that our schema uses; any other keyword fails.</summary>
internal sealed class SchemaCheck(JsonElement root)
{
    public bool IsValid(SpecNode node) => IsValid(root, node);

    private bool IsValid(JsonElement schema, SpecNode node) =>
        schema.EnumerateObject().All(keyword => IsValid(schema, keyword.Name, keyword.Value, node));

    private bool IsValid(JsonElement schema, string keyword, JsonElement value, SpecNode node) => keyword switch
    {
        "$schema" or "$defs" or "title" or "description" or "default" => true,
        "$ref" => IsValid(root.GetProperty("$defs").GetProperty(value.GetString()!["#/$defs/".Length..]), node),
        "anyOf" => value.EnumerateArray().Any(form => IsValid(form, node)),
        "allOf" => value.EnumerateArray().All(form => IsValid(form, node)),
        "enum" => node is ScalarNode scalar && value.EnumerateArray().Any(choice => choice.GetString() == scalar.Text),
        "type" => IsType(value.GetString()!, node),
        "minimum" => Number(node) is not { } number || number >= value.GetDouble(),
        "maximum" => Number(node) is not { } number || number <= value.GetDouble(),
        "minLength" => node is not ScalarNode text || text.Text.Length >= value.GetInt32(),
        "pattern" => node is not ScalarNode matched || System.Text.RegularExpressions.Regex.IsMatch(matched.Text, value.GetString()!),
        "minItems" => node is not SequenceNode list || list.Items.Count >= value.GetInt32(),
        "items" => node is not SequenceNode list || list.Items.All(item => IsValid(value, item)),
        "minProperties" => node is not MappingNode mapping || mapping.Entries.Count >= value.GetInt32(),
        "maxProperties" => node is not MappingNode mapping || mapping.Entries.Count <= value.GetInt32(),
        "required" => node is not MappingNode mapping
            || value.EnumerateArray().All(name => mapping.Entries.Any(entry => entry.Key == name.GetString())),
        "properties" => node is not MappingNode mapping
            || mapping.Entries.All(entry => !value.TryGetProperty(entry.Key, out var property) || IsValid(property, entry.Value)),
        "additionalProperties" => node is not MappingNode mapping
            || mapping.Entries.All(entry => schema.GetProperty("properties").TryGetProperty(entry.Key, out _)),
        _ => throw new NotSupportedException($"the keyword {keyword} is not checked here"),
    };

    private static bool IsType(string type, SpecNode node) => type switch
    {
        "object" => node is MappingNode,
        "array" => node is SequenceNode,
        "null" => node is ScalarNode { IsNull: true },
        "boolean" => node is ScalarNode { Quoted: false, Text: "true" or "false" },
        "number" => Number(node) is not null,
        "integer" => Number(node) is { } number && number == Math.Floor(number),
        "string" => node is ScalarNode { IsNull: false } && Number(node) is null,
        _ => throw new NotSupportedException($"the type {type} is not checked here"),
    };

    private static double? Number(SpecNode node) =>
        node is ScalarNode { Quoted: false } scalar && double.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;
}
