using System.Text.RegularExpressions;
using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>Names that become C# identifiers, and names of layers.</summary>
internal static class NameRules
{
    private static readonly Regex s_layerName = new("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", RegexOptions.CultureInvariant);

    // The reserved keywords, and the contextual ones that cannot name a type.
    private static readonly HashSet<string> s_keywords =
    [
        .. ("abstract as base bool break byte case catch char checked class const continue decimal default delegate do double "
            + "else enum event explicit extern false finally fixed float for foreach goto if implicit in int interface internal "
            + "is lock long namespace new null object operator out override params private protected public readonly ref return "
            + "sbyte sealed short sizeof stackalloc static string struct switch this throw true try typeof uint ulong unchecked "
            + "unsafe ushort using virtual void volatile while "
            + "await dynamic extension field file nint notnull nuint partial record required scoped unmanaged var where yield")
            .Split(' '),
    ];

    public static IEnumerable<Diagnostic> Check(ModelSpec model)
    {
        if (!IsIdentifier(model.Model))
            yield return DiagnosticCatalog.InvalidModelName.At("model",
                $"the model's name '{RecordBinder.Short(model.Model)}' is no C# class name; begin with a letter, then letters, digits and '_', and avoid keywords");

        if (model.Namespace is { } @namespace && !@namespace.Split('.').All(IsIdentifier))
            yield return DiagnosticCatalog.InvalidNamespace.At("namespace",
                $"'{RecordBinder.Short(@namespace)}' is no C# namespace; write identifiers joined by dots, as My.Models");

        foreach (var diagnostic in CheckScope(model.Architecture.Blocks, "architecture.blocks")) yield return diagnostic;
    }

    private static bool IsIdentifier(string text) =>
        text.Length > 0
        && (char.IsLetter(text[0]) || text[0] == '_')
        && text.All(c => char.IsLetterOrDigit(c) || c == '_')
        && !s_keywords.Contains(text);

    /// <summary>The layers of one scope have distinct names; those without a name of their own are numbered.</summary>
    private static IEnumerable<Diagnostic> CheckScope(EquatableArray<LayerSpec> layers, string path)
    {
        var names = new Dictionary<string, bool>(StringComparer.Ordinal);
        foreach (var (layer, at) in Scope(layers, path))
        {
            var isGiven = layer.Name is not null;
            var name = layer.Name ?? Shapes.RecordShape.Of(layer.GetType()).Layer!.Name;
            if (!s_layerName.IsMatch(name))
            {
                yield return DiagnosticCatalog.InvalidLayerName.At(SpecPath.Key(at, "name"),
                    $"'{RecordBinder.Short(name)}' is no layer name; begin with a lower-case letter, then lower-case letters, digits and single hyphens");
            }
            else if (names.TryGetValue(Key(name), out var otherIsGiven) && (isGiven || otherIsGiven))
            {
                yield return DiagnosticCatalog.DuplicateLayerName.At(SpecPath.Key(at, "name"),
                    $"another layer here is named '{name}' already; give this one another 'name'");
            }

            names[Key(name)] = isGiven || (names.TryGetValue(Key(name), out var before) && before);
            foreach (var body in LayerLists.Of(layer, at).Where(_ => !IsTransparent(layer)))
            foreach (var diagnostic in CheckScope(body.Layers, body.Path))
                yield return diagnostic;
        }
    }

    /// <summary>The layers, and those of the residuals and multiplications among them that have no name.</summary>
    private static IEnumerable<(LayerSpec Layer, string Path)> Scope(EquatableArray<LayerSpec> layers, string path)
    {
        for (var i = 0; i < layers.Count; i++)
        {
            var at = SpecPath.Item(path, i);
            if (!IsTransparent(layers[i])) yield return (layers[i], at);
            else
                foreach (var body in LayerLists.Of(layers[i], at))
                foreach (var inner in Scope(body.Layers, body.Path))
                    yield return inner;
        }
    }

    private static bool IsTransparent(LayerSpec layer) => layer is ResidualLayer or MultiplyLayer && layer.Name is null;

    /// <summary>In generated code the hyphens are gone.</summary>
    private static string Key(string name) => name.Replace("-", "");
}
