using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends.Shapes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends;

/// <summary>Binds mappings, shorthands, lists and layers; scalars are the <see cref="ScalarBinder"/>'s.</summary>
internal sealed class RecordBinder(BindingReport report)
{
    /// <param name="shape">The record.</param>
    /// <param name="node">Its value.</param>
    /// <param name="specPath">Its place in the spec.</param>
    /// <param name="anchor">What to point at for the record as a whole: its key.</param>
    /// <returns>The record, without the values that were wrong.</returns>
    public object Bind(RecordShape shape, SpecNode node, string specPath, SourceSpan anchor)
    {
        report.Place(specPath, anchor);
        var record = shape.New();
        var given = new Dictionary<string, SourceSpan>();
        if (node is MappingNode mapping)
            BindEntries(shape, mapping, specPath, record, given);
        else if (node is not ScalarNode { IsNull: true })
            BindShorthand(shape, node, specPath, record, given);

        foreach (var key in shape.Keys)
            if (key.Required && !given.ContainsKey(key.Name) && !(key.Unless is { } other && given.ContainsKey(other)))
                report.Add(DiagnosticCatalog.MissingKey, anchor,
                    $"{Name(shape, specPath)} needs '{key.Name}': {key.Summary.TrimEnd('.')}; write '{key.Name}: {Example(key)}'");
        CheckConditions(shape, record, given);
        return record;
    }

    private void BindEntries(
        RecordShape shape, MappingNode mapping, string specPath, object record, Dictionary<string, SourceSpan> given)
    {
        foreach (var entry in mapping.Entries)
        {
            if (report.IsFull) return;
            if (shape.Find(entry.Key) is not { } key)
            {
                report.Add(DiagnosticCatalog.UnknownKey, entry.KeySpan,
                    $"unknown key '{Short(entry.Key)}' in {Name(shape, specPath)}; {KeySuggestion(entry.Key, shape)}");
            }
            else if (given.ContainsKey(key.Name))
            {
                report.Add(DiagnosticCatalog.DuplicateKey, entry.KeySpan,
                    $"'{key.Name}' is given twice in {Name(shape, specPath)}; remove one of them");
            }
            else
            {
                given.Add(key.Name, entry.KeySpan);
                BindValue(key, entry.Value, SpecPath.Key(specPath, key.Name), entry.KeySpan, record);
            }
        }
    }

    private void BindShorthand(
        RecordShape shape, SpecNode node, string specPath, object record, Dictionary<string, SourceSpan> given)
    {
        if (shape.Shorthand is not { } key)
        {
            report.Add(DiagnosticCatalog.WrongType, node.Span,
                $"{Name(shape, specPath)} must be a mapping, not {Describe(node)}; its keys are {string.Join(", ", shape.Names)}");
            foreach (var required in shape.Keys) given[required.Name] = node.Span;
            return;
        }

        given.Add(key.Name, node.Span);
        BindValue(key, node, SpecPath.Key(specPath, key.Name), node.Span, record);
    }

    private void BindValue(KeyShape key, SpecNode node, string specPath, SourceSpan anchor, object record)
    {
        report.Place(specPath, node is ScalarNode { IsNull: false } ? node.Span : anchor);
        object? value = key.Kind switch
        {
            ValueKind.Record => BindSection(key, node, specPath, anchor),
            ValueKind.LayerList => Items(key, node, specPath, anchor)
                .Select((item, i) => BindLayer(item, SpecPath.Item(specPath, i))).OfType<LayerSpec>().ToEquatableArray(),
            ValueKind.TextList => Items(key, node, specPath, anchor)
                .Select((item, i) => BindText(key, item, SpecPath.Item(specPath, i))).OfType<string>().ToEquatableArray(),
            ValueKind.NumberList => Items(key, node, specPath, anchor)
                .Select((item, i) => BindNumber(key, item, SpecPath.Item(specPath, i))).OfType<int>().ToEquatableArray(),
            _ => ScalarBinder.Bind(key, node, specPath, anchor, report),
        };
        if (value is not null) key.Set(record, value);
    }

    private object? BindSection(KeyShape key, SpecNode node, string specPath, SourceSpan anchor)
    {
        var shape = RecordShape.Of(key.Type);
        if (node is ScalarNode { IsNull: true } && shape.Shorthand is { } shorthand)
        {
            report.Add(DiagnosticCatalog.MissingValue, anchor,
                $"{specPath} has no value; write {shorthand.Describe()} or a mapping, or remove the key");
            return null;
        }

        return Bind(shape, node, specPath, anchor);
    }

    private IReadOnlyList<SpecNode> Items(KeyShape key, SpecNode node, string specPath, SourceSpan anchor)
    {
        switch (node)
        {
            case SequenceNode { Items.Count: > 0 } list:
                return list.Items;
            case SequenceNode:
                report.Add(DiagnosticCatalog.EmptyList, anchor, $"{specPath} is empty; write at least one item or remove the key");
                break;
            case ScalarNode { IsNull: true }:
                report.Add(DiagnosticCatalog.MissingValue, anchor, $"{specPath} has no value; write {key.Describe()}");
                break;
            default:
                report.Add(DiagnosticCatalog.WrongType, node.Span,
                    $"{specPath} must be {key.Describe()}, not {Describe(node)}; {(node is ScalarNode scalar ? $"write [{Short(scalar.Text)}]" : "write each item on a line after '- '")}");
                break;
        }

        return [];
    }

    private string? BindText(KeyShape list, SpecNode node, string specPath)
    {
        report.Place(specPath, node.Span);
        if (node is ScalarNode { Text: not "" } scalar and ({ Quoted: true } or { IsNull: false })) return scalar.Text;
        report.Add(DiagnosticCatalog.WrongType, node.Span, $"{specPath} must be text, not {Describe(node)}; {list.Name} is {list.Describe()}");
        return null;
    }

    private int? BindNumber(KeyShape list, SpecNode node, string specPath)
    {
        report.Place(specPath, node.Span);
        return (int?)ScalarBinder.Bind(list, node, specPath, node.Span, report);
    }

    private LayerSpec? BindLayer(SpecNode node, string specPath)
    {
        var (name, span, options) = node switch
        {
            ScalarNode { IsNull: false } scalar => (scalar.Text, scalar.Span, new ScalarNode("", Quoted: false, scalar.Span)),
            MappingNode { Entries: { Count: 1 } entries } => (entries[0].Key, entries[0].KeySpan, entries[0].Value),
            _ => (null, node.Span, node),
        };
        report.Place(specPath, span);
        if (name is null)
        {
            report.Add(DiagnosticCatalog.LayerForm, node.Span,
                $"{specPath} must be one layer, not {Describe(node)}; write '- norm: rms' or '- head', with options indented below the name");
            return null;
        }

        if (RecordShape.Layers.TryGetValue(name, out var shape)) return (LayerSpec)Bind(shape, options, specPath, span);
        report.Add(DiagnosticCatalog.UnknownLayer, span,
            $"unknown layer '{Short(name)}' in {SpecPath.Parent(specPath)}; {Suggestion.For(name, RecordShape.Layers.Keys.ToArray(), "layers")}");
        return null;
    }

    private void CheckConditions(RecordShape shape, object record, Dictionary<string, SourceSpan> given)
    {
        foreach (var key in shape.Keys)
        {
            if (key.OnlyWith is not { } condition || !given.TryGetValue(key.Name, out var span)) continue;
            if (condition.Values.Contains(shape.Find(condition.Key)!.Get(record))) continue;
            var values = string.Join(" or ", condition.Values.Select(KeyShape.Write));
            report.Add(DiagnosticCatalog.NoEffect, span,
                $"'{key.Name}' has no effect without '{condition.Key}: {values}'; add that or remove '{key.Name}'");
        }
    }

    private static string KeySuggestion(string key, RecordShape shape) =>
        Suggestion.Nearest(key, shape.Names) is null && RecordShape.SectionOf(key) is { } section
            ? $"it belongs in {section}"
            : Suggestion.For(key, shape.Names, "keys");

    private static string Name(RecordShape shape, string specPath) => shape.Layer?.Name ?? SpecPath.Describe(specPath);

    private static string Example(KeyShape key) => key.Kind switch
    {
        ValueKind.WholeNumber => key.Name is "vocabulary" or "context" or "width" ? "256" : "6",
        ValueKind.Number => "0.1",
        ValueKind.Text => "TinyLm",
        _ => "...",
    };

    internal static string Describe(SpecNode node) => node switch
    {
        MappingNode => "a mapping",
        SequenceNode => "a list",
        ScalarNode { IsNull: true } => "nothing",
        ScalarNode { Quoted: true } scalar => $"the text '{Short(scalar.Text)}'",
        ScalarNode scalar => $"'{Short(scalar.Text)}'",
        _ => throw new InvalidOperationException($"no description of {node.GetType()}"),
    };

    /// <summary>Text of the user in a message: one line of at most 40 characters.</summary>
    internal static string Short(string text)
    {
        var line = new string(text.Select(c => char.IsControl(c) || c is '\u2028' or '\u2029' ? ' ' : c).ToArray());
        return line.Length <= 40 ? line : line.Substring(0, 39) + "…";
    }
}
