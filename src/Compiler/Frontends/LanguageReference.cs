using System.Text;
using ModelCompiler.Compiler.Frontends.Shapes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends;

/// <summary>The tables of docs/language.md: every section, key, type, default, range and layer.</summary>
public static class LanguageReference
{
    public static string Generate()
    {
        var text = new StringBuilder("## Sections\n");
        Sections(text, RecordShape.Of(typeof(ModelSpec)), SpecPath.Root, "A model file.");
        text.Append("\n## Layers\n\nEvery layer also has the key `name`: ")
            .Append(RecordShape.Of(typeof(EmbeddingLayer)).Find("name")!.Summary)
            .Append(" Below each layer are the shapes of an example, and of the parameters that it adds, with B sequences of T tokens, width C = 48 "
                + "and V different tokens.\n");
        foreach (var shape in RecordShape.Layers.Values)
        {
            text.Append($"\n### {shape.Layer!.Name}\n\n{shape.Layer.Summary}\n\n{LayerShapes.Describe(shape)}.\n");
            Keys(text, shape, shape.Keys.Where(key => key.Name != "name"));
        }

        return text.ToString();
    }

    private static void Sections(StringBuilder text, RecordShape shape, string path, string summary)
    {
        text.Append($"\n### {(path.Length == 0 ? "model file" : path)}\n\n{summary}\n");
        Keys(text, shape, shape.Keys);
        foreach (var key in shape.Keys)
            if (key.Kind == ValueKind.Record)
                Sections(text, RecordShape.Of(key.Type), SpecPath.Key(path, key.Name), key.Summary);
    }

    private static void Keys(StringBuilder text, RecordShape shape, IEnumerable<KeyShape> keys)
    {
        if (shape.Shorthand is { } shorthand) text.Append($"A bare value is `{shorthand.Name}`.\n");
        if (!keys.Any()) return;
        text.Append("\n| key | type | default | |\n|---|---|---|---|\n");
        foreach (var key in keys)
            text.Append($"| `{key.Name}` | {key.Describe()} | {Default(shape, key)} | {key.Summary}{Condition(key)} |\n");
    }

    private static string Default(RecordShape shape, KeyShape key) =>
        key.Required ? key.Unless is { } other ? $"required, or `{other}`" : "required"
        : key.IsCompound || shape.Default(key) is not { } value ? ""
        : $"`{KeyShape.Write(value)}`";

    private static string Condition(KeyShape key) =>
        key.OnlyWith is { } condition
            ? $" Only with `{condition.Key}: {string.Join("` or `", condition.Values.Select(KeyShape.Write))}`."
            : "";
}
