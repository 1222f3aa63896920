using System.Text.RegularExpressions;
using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends.Shapes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>Names that become C# identifiers, and names of layers.</summary>
internal static class NameRules
{
    private static readonly Regex s_layerName = new("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", RegexOptions.CultureInvariant);

    // What the graph calls its functions and their values, and what generated code would confuse with a block's class or field.
    private static readonly string[] s_reserved =
        ["main", "tokens", "targets", "types", "labels", "lengths", "loss", "x", "dy", "arena", "create", "inference", "model"];

    public static IEnumerable<Diagnostic> Check(ModelSpec model)
    {
        if (!CSharpName.IsIdentifier(model.Model))
            yield return DiagnosticCatalog.InvalidModelName.At("model",
                $"the model's name '{RecordBinder.Short(model.Model)}' is no C# class name; begin with a letter, then letters, digits and '_', and avoid keywords");

        if (model.Namespace is { } @namespace && !@namespace.Split('.').All(CSharpName.IsIdentifier))
            yield return DiagnosticCatalog.InvalidNamespace.At("namespace",
                $"'{RecordBinder.Short(@namespace)}' is no C# namespace; write identifiers joined by dots, as My.Models");

        foreach (var diagnostic in CheckScope(model.Architecture.Blocks, "architecture.blocks")) yield return diagnostic;
    }

    /// <summary>
    /// The layers of the model, or of one block, have distinct names. Those without a name of their own are named by their
    /// keys, and numbered where there are several: norm1, norm2.
    /// </summary>
    private static IEnumerable<Diagnostic> CheckScope(EquatableArray<LayerSpec> layers, string path)
    {
        var scope = Scope(layers, path).ToArray();
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (var group in scope.Where(entry => entry.Layer.Name is null).GroupBy(entry => DefaultName(entry.Layer)))
        {
            taken.Add(group.Key);
            if (group.Count() > 1) taken.UnionWith(Enumerable.Range(1, group.Count()).Select(number => group.Key + number));
        }

        foreach (var (layer, at) in scope)
        {
            if (layer.Name is { } name && !s_layerName.IsMatch(name))
                yield return DiagnosticCatalog.InvalidLayerName.At(SpecPath.Key(at, "name"),
                    $"'{RecordBinder.Short(name)}' is no layer name; begin with a lower-case letter, then lower-case letters, digits and single hyphens");
            else if (layer.Name is not null && s_reserved.Contains(layer.Name))
                yield return DiagnosticCatalog.InvalidLayerName.At(SpecPath.Key(at, "name"),
                    $"'{layer.Name}' is a name of the compiler's own; take another than {string.Join(", ", s_reserved)}");
            else if (layer.Name is not null && !taken.Add(layer.Name.Replace("-", "")))
                yield return DiagnosticCatalog.DuplicateLayerName.At(SpecPath.Key(at, "name"),
                    $"another layer here is named '{layer.Name}' already; give this one another 'name'");

            if (layer is not RepeatLayer block) continue;
            foreach (var diagnostic in CheckScope(block.Layers, SpecPath.Key(at, "layers"))) yield return diagnostic;
        }
    }

    /// <summary>The layers with those in their branches, but not those of blocks.</summary>
    private static IEnumerable<(LayerSpec Layer, string Path)> Scope(EquatableArray<LayerSpec> layers, string path)
    {
        for (var i = 0; i < layers.Count; i++)
        {
            var at = SpecPath.Item(path, i);
            yield return (layers[i], at);
            if (layers[i] is RepeatLayer) continue;
            foreach (var branch in LayerLists.Of(layers[i], at))
            foreach (var inner in Scope(branch.Layers, branch.Path))
                yield return inner;
        }
    }

    private static string DefaultName(LayerSpec layer) => RecordShape.Of(layer.GetType()).Layer!.Name;
}
