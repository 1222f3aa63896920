using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace ModelCompiler.Compiler.Frontends;

/// <summary>One YAML document as a <see cref="SpecNode"/>, from the parser's events; limits what a hostile text costs.</summary>
internal sealed class YamlReader
{
    /// <summary>Characters: some hundred times a usual spec.</summary>
    public const int MaxLength = 1 << 18;

    public const int MaxDepth = 64;

    private readonly string _text;
    private readonly TextLines _lines;
    private readonly Scanner _scanner;
    private readonly Parser _parser;

    public YamlReader(string text, TextLines lines)
    {
        _text = text;
        _lines = lines;
        _scanner = new Scanner(new StringReader(text), skipComments: true);
        _parser = new Parser(_scanner);
    }

    /// <exception cref="UnreadableYamlException">The text is not one document of the supported subset of YAML.</exception>
    /// <exception cref="YamlException">The text is not YAML.</exception>
    public SpecNode Read()
    {
        if (_text.Length > MaxLength)
            throw new UnreadableYamlException(DiagnosticCatalog.TooLarge, Mark.Empty, Mark.Empty,
                $"the text has {_text.Length} characters; a model file has at most {MaxLength}");

        Next();
        if (Next() is StreamEnd) throw Empty();
        Next();
        var root = ReadNode(depth: 0);
        if (root is ScalarNode { IsNull: true }) throw Empty();
        Next();
        var after = Next();
        if (after is DocumentStart)
            throw new UnreadableYamlException(DiagnosticCatalog.SeveralDocuments, after.Start, after.End,
                "a second document begins here; write each model in a file of its own");
        return root;
    }

    private static UnreadableYamlException Empty() => new(DiagnosticCatalog.EmptyFile, Mark.Empty, Mark.Empty,
        "nothing is declared here; begin with 'model: Name' and 'architecture:'");

    private ParsingEvent Next()
    {
        try
        {
            if (_parser.MoveNext()) return _parser.Current!;
        }
        catch (YamlException e) when (e.Start.Index == 0)
        {
            // Some messages come with the start of the text for a place.
            throw new YamlException(_scanner.CurrentPosition, _scanner.CurrentPosition, e.Message);
        }
        catch (Exception e) when (e is not YamlException)
        {
            // Some broken texts break the parser too, with exceptions that say nothing of the text.
        }

        var at = _scanner.CurrentPosition;
        throw new YamlException(at, at, "it cannot be read from here on; look for a bracket, a quote or a comma that is missing");
    }

    private SpecNode ReadNode(int depth)
    {
        var start = _parser.Current!;
        if (depth > MaxDepth)
            throw new UnreadableYamlException(DiagnosticCatalog.TooLarge, start.Start, start.End,
                $"this is nested more than {MaxDepth} levels deep; no model needs that");
        if (start is AnchorAlias)
            throw Unsupported(start, "aliases are not supported; write the value out, or use 'repeat' for repeated layers");
        if (start is NodeEvent { Anchor.IsEmpty: false })
            throw Unsupported(start, "anchors are not supported; remove the anchor");
        if (start is NodeEvent { Tag.IsEmpty: false } and not Scalar { Tag.IsNonSpecific: true, Style: not ScalarStyle.Plain })
            throw Unsupported(start, "tags are not supported; remove the tag");

        return start switch
        {
            Scalar scalar => new ScalarNode(scalar.Value, scalar.Style != ScalarStyle.Plain, _lines.Span(start.Start, start.End)),
            SequenceStart => ReadSequence(start, depth),
            _ => ReadMapping(start, depth),
        };
    }

    private SequenceNode ReadSequence(ParsingEvent start, int depth)
    {
        var items = new List<SpecNode>();
        while (Next() is not SequenceEnd) items.Add(ReadNode(depth + 1));
        return new SequenceNode(items.ToEquatableArray(), Span(start, items.LastOrDefault()));
    }

    private MappingNode ReadMapping(ParsingEvent start, int depth)
    {
        var entries = new List<MappingEntry>();
        while (Next() is not MappingEnd)
        {
            var at = _parser.Current!;
            if (ReadNode(depth + 1) is not ScalarNode key) throw Unsupported(at, "a key must be plain text, not a list or a mapping");
            Next();
            entries.Add(new MappingEntry(key.Text, key.Span, ReadNode(depth + 1)));
        }

        return new MappingNode(entries.ToEquatableArray(), Span(start, entries.LastOrDefault()?.Value));
    }

    private static UnreadableYamlException Unsupported(ParsingEvent at, string message) =>
        new(DiagnosticCatalog.UnsupportedYaml, at.Start, at.End, message);

    /// <summary>From the start of a collection to the end of its last item: block collections end only at the next token.</summary>
    private SourceSpan Span(ParsingEvent start, SpecNode? last)
    {
        var end = _parser.Current!;
        if (last is null || end.End.Index > end.Start.Index) return _lines.Span(start.Start, end.End);
        var span = _lines.Span(start.Start, start.End);
        return span with { EndLine = last.Span.EndLine, EndColumn = last.Span.EndColumn };
    }
}
