using ModelCompiler.Compiler.Frontends.Shapes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends;

using JsonObject = List<KeyValuePair<string, object>>;

/// <summary>
/// The language as JSON Schema (draft 2020-12), for completion and checks in editors: keys, types, choices and ranges.
/// What several keys say together is the compiler's to check.
/// </summary>
public static class JsonSchema
{
    private const string LayerList = "layers";

    /// <returns>The text of schemas/model.schema.json.</returns>
    public static string Generate()
    {
        var definitions = new SortedDictionary<string, object>(StringComparer.Ordinal);
        var model = Record(RecordShape.Of(typeof(ModelSpec)), definitions);
        foreach (var layer in RecordShape.Layers.Values) definitions[DefinitionOf(layer)] = Value(layer, definitions);
        definitions["layer"] = Layer();
        definitions[LayerList] = Object(("type", "array"), ("minItems", 1), ("items", Reference("layer")));

        return JsonText.Write(Object(
        [
            ("$schema", "https://json-schema.org/draft/2020-12/schema"),
            ("title", "ModelCompiler model"),
            ("description", "A language model and the techniques it uses, compiled to C#."),
            .. model.Select(pair => (pair.Key, pair.Value)),
            ("$defs", definitions.ToList()),
        ]));
    }

    /// <summary>What may stand for a record: a mapping, its shorthand, and nothing where all has defaults.</summary>
    private static JsonObject Value(RecordShape shape, IDictionary<string, object> definitions)
    {
        var record = Record(shape, definitions);
        var forms = new List<object> { record };
        if (shape.Shorthand is { } shorthand) forms.Insert(0, Plain(shorthand, definitions));
        if (!shape.HasRequiredKeys && (shape.Layer is not null || shape.Shorthand is null)) forms.Add(Object(("type", "null")));
        return forms.Count == 1 ? record : Object(("anyOf", forms));
    }

    private static JsonObject Record(RecordShape shape, IDictionary<string, object> definitions)
    {
        var record = Object(
            ("type", "object"),
            ("properties", shape.Keys.Select(key => Pair(key.Name, Key(shape, key, definitions))).ToList()));
        if (shape.HasRequiredKeys)
            record.Add(Pair("required", shape.Keys.Where(key => key is { Required: true, Unless: null }).Select(key => (object)key.Name).ToList()));
        var alternatives = shape.Keys.Where(key => key.Unless is not null)
            .Select(key => (object)Object(("anyOf", new[] { key.Name, key.Unless! }.Select(name => (object)Object(("required", new List<object> { name }))).ToList()))).ToList();
        if (alternatives.Count > 0) record.Add(Pair("allOf", alternatives));
        record.Add(Pair("additionalProperties", false));
        return record;
    }

    private static JsonObject Key(RecordShape shape, KeyShape key, IDictionary<string, object> definitions)
    {
        var schema = Object(("description", key.Summary));
        schema.AddRange(Plain(key, definitions));
        if (shape.Default(key) is { } value && !key.IsCompound)
            schema.Add(Pair("default", value is Enum ? KeyShape.Write(value) : value));
        return schema;
    }

    private static JsonObject Plain(KeyShape key, IDictionary<string, object> definitions)
    {
        switch (key.Kind)
        {
            case ValueKind.Text:
                return Object(("type", "string"), ("minLength", 1));
            case ValueKind.Boolean:
                return Object(("type", "boolean"));
            case ValueKind.Choice:
                return Object(("enum", key.Choices.Keys.Cast<object>().ToList()));
            case ValueKind.WholeNumber:
                return Object(("type", "integer"), ("minimum", (long)key.Min), ("maximum", (long)key.Max));
            case ValueKind.Number:
                var number = Object(("type", "number"));
                if (!double.IsInfinity(key.Min)) number.Add(Pair("minimum", key.Min));
                if (!double.IsInfinity(key.Max)) number.Add(Pair("maximum", key.Max));
                return number;
            case ValueKind.TextList:
                return Object(("type", "array"), ("minItems", 1), ("items", Object(("type", "string"), ("minLength", 1))));
            case ValueKind.NumberList:
                return Object(("type", "array"), ("minItems", 1), ("items", Object(("type", "integer"), ("minimum", (long)key.Min), ("maximum", (long)key.Max))));
            case ValueKind.ByteSize:
                return Object(("type", "string"), ("pattern", "^[0-9.]+ ?(B|KiB|MiB|GiB|TiB)$"));
            case ValueKind.Count:
                return Object(("anyOf", new List<object>
                {
                    Object(("type", "number"), ("minimum", 1L)),
                    Object(("type", "string"), ("pattern", "^[0-9.]+[KMBGT]$")),
                }));
            case ValueKind.LayerList:
                return Reference(LayerList);
            case ValueKind.Record:
                var shape = RecordShape.Of(key.Type);
                definitions[DefinitionOf(shape)] = Value(shape, definitions);
                return Reference(DefinitionOf(shape));
            default:
                throw new InvalidOperationException($"no schema of {key.Kind}");
        }
    }

    /// <summary>A layer's bare name, or a mapping whose only key is its name.</summary>
    private static JsonObject Layer() => Object(("anyOf", new List<object>
    {
        Object(("enum", RecordShape.Layers.Values.Where(layer => !layer.HasRequiredKeys).Select(layer => (object)layer.Layer!.Name).ToList())),
        Object(
            ("type", "object"),
            ("minProperties", 1),
            ("maxProperties", 1),
            ("properties", RecordShape.Layers.Values.Select(layer => Pair(
                layer.Layer!.Name,
                Object([("description", layer.Layer.Summary), .. Reference(DefinitionOf(layer)).Select(pair => (pair.Key, pair.Value))]))).ToList()),
            ("additionalProperties", false)),
    }));

    private static string DefinitionOf(RecordShape shape) => KebabCase.Of(shape.Type.Name);

    private static JsonObject Reference(string definition) => Object(("$ref", "#/$defs/" + definition));

    private static JsonObject Object(params (string Name, object Value)[] pairs) =>
        pairs.Select(pair => Pair(pair.Name, pair.Value)).ToList();

    private static KeyValuePair<string, object> Pair(string name, object value) => new(name, value);
}
