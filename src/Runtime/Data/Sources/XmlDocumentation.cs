using System.Text;
using System.Xml;
using ModelCompiler.Runtime.Data.Labels;

namespace ModelCompiler.Runtime.Data.Sources;

/// <summary>
/// The XML documentation of an assembly as readable text. Each type with its members is a document; each member is its
/// name, what it says, and its parameters, result and exceptions a line each; a blank line ends it.
/// </summary>
internal static class XmlDocumentation
{
    public static IEnumerable<TextPiece> Read(string path)
    {
        using var reader = XmlReader.Create(path, new XmlReaderSettings { IgnoreComments = true, IgnoreProcessingInstructions = true });
        var text = new StringBuilder();
        while (reader.ReadToFollowing("member"))
        {
            var id = reader.GetAttribute("name") ?? "";
            if (id.StartsWith("T:", StringComparison.Ordinal) && text.Length > 0)
            {
                yield return new TextPiece(text.ToString(), EndsDocument: true);
                text.Clear();
            }

            WriteMember(reader, id, text);
        }

        if (text.Length > 0)
            yield return new TextPiece(text.ToString(), EndsDocument: true);
    }

    /// <summary>Each member that something is said of, and its kind: event, field, method, property or type.</summary>
    public static IEnumerable<(string Text, string Label)> ReadMembers(string path) =>
        from member in Members(path)
        let kind = Kind(member.Id)
        where kind is not null
        select (member.Text, kind);

    private static IEnumerable<(string Text, string Id)> Members(string path)
    {
        using var reader = XmlReader.Create(path, new XmlReaderSettings { IgnoreComments = true, IgnoreProcessingInstructions = true });
        var text = new StringBuilder();
        while (reader.ReadToFollowing("member"))
        {
            var id = reader.GetAttribute("name") ?? "";
            WriteMember(reader, id, text.Clear());
            yield return (text.ToString(), id);
        }
    }

    /// <summary>Each member that something is said of, and the namespace that it is in.</summary>
    public static IEnumerable<LabeledText> ReadNamespaces(string path)
    {
        var types = Members(path).Select(member => member.Id).Where(id => id.StartsWith("T:", StringComparison.Ordinal)).Select(id => id[2..]).ToHashSet(StringComparer.Ordinal);
        return Members(path).Where(member => Kind(member.Id) is not null && member.Text.Length > 0).Select(member => new LabeledText(member.Text, Namespace(member.Id, types)));
    }

    /// <summary>What is left of a name without the member, its type, and the types around that.</summary>
    private static string Namespace(string id, HashSet<string> types)
    {
        var arguments = id.IndexOf('(');
        var name = arguments < 0 ? id[2..] : id[2..arguments];
        if (!id.StartsWith("T:", StringComparison.Ordinal)) name = Outer(name);
        for (var outer = Outer(name); types.Contains(outer); outer = Outer(name)) name = outer;
        return Outer(name);

        static string Outer(string name) => name.LastIndexOf('.') is > 0 and var end ? name[..end] : "";
    }

    private static string? Kind(string id) => id.Length > 2 ? id[..2] switch
    {
        "E:" => "event",
        "F:" => "field",
        "M:" => "method",
        "P:" => "property",
        "T:" => "type",
        _ => null,
    } : null;

    private static void WriteMember(XmlReader reader, string id, StringBuilder text)
    {
        var writer = new ReadableText();
        writer.Line(MemberName.Render(id));
        var headed = writer.Length;
        using (var member = reader.ReadSubtree())
        {
            while (member.Read())
                WriteNode(member, writer);
        }

        if (writer.Length > headed) // a name that says nothing is left out
            text.Append(writer.Finish()).Append('\n');
    }

    private static void WriteNode(XmlReader node, ReadableText writer)
    {
        switch (node.NodeType)
        {
            case XmlNodeType.Text or XmlNodeType.CDATA:
                writer.Text(node.Value);
                break;
            case XmlNodeType.Whitespace or XmlNodeType.SignificantWhitespace:
                writer.Text(" ");
                break;
            case XmlNodeType.Element:
                StartElement(node, writer);
                break;
            case XmlNodeType.EndElement when node.Name == "code":
                writer.Verbatim = false;
                writer.NewLine();
                break;
            case XmlNodeType.EndElement when IsBlock(node.Name):
                writer.NewLine();
                break;
            case XmlNodeType.EndElement when node.Name == "term":
                writer.Text(": ");
                break;
        }
    }

    private static void StartElement(XmlReader node, ReadableText writer)
    {
        if (IsBlock(node.Name) || node.Name is "br")
            writer.NewLine();
        switch (node.Name)
        {
            case "see" or "seealso" or "xref" or "paramref" or "typeparamref":
                // With a text of its own, the link is that text.
                if (node.IsEmptyElement)
                    writer.Text(Target(node));
                break;
            case "param" or "typeparam":
                writer.Text($"{node.GetAttribute("name")}: ");
                break;
            case "returns":
                writer.Text("Returns: ");
                break;
            case "value":
                writer.Text("Value: ");
                break;
            case "exception":
                writer.Text($"{Target(node)}: ");
                break;
            case "item" or "li" or "listheader":
                writer.Text("- ");
                break;
            case "code" when !node.IsEmptyElement:
                writer.Verbatim = true;
                break;
        }
    }

    private static string Target(XmlReader node)
    {
        if (node.GetAttribute("cref") is { } cref)
            return MemberName.Render(cref);
        foreach (var attribute in (ReadOnlySpan<string>)["langword", "name", "href", "uid"])
        {
            if (node.GetAttribute(attribute) is { } value)
                return value;
        }

        return "";
    }

    private static bool IsBlock(string element) => element
        is "summary" or "remarks" or "returns" or "value" or "param" or "typeparam" or "exception" or "para" or "p" or "example"
        or "code" or "list" or "ul" or "ol" or "item" or "li" or "listheader" or "seealso";
}
