using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;
using YamlDotNet.Core;

namespace ModelCompiler.Compiler.Frontends;

/// <summary>Reads models written in YAML. Never throws: whatever the text, there is a spec or a diagnostic.</summary>
public static class YamlFrontend
{
    /// <summary>Reads a model file.</summary>
    /// <param name="text">The text of the file.</param>
    /// <param name="path">Its path, for diagnostics.</param>
    public static ReadResult Read(string text, string path)
    {
        var (root, diagnostics) = ReadNode(text, path);
        return root is null
            ? new ReadResult(null, new SourceMap(path, []), diagnostics)
            : SpecBinder.Bind(root, path);
    }

    /// <summary>Reads any text in the supported subset of YAML, e.g. the blocks in a C# attribute.</summary>
    /// <param name="text">The text; spans are relative to its start.</param>
    /// <param name="path">Its path, for diagnostics.</param>
    public static NodeResult ReadNode(string text, string path)
    {
        // A byte order mark is no part of the first line.
        if (text.Length > 0 && text[0] == '\uFEFF') text = text.Substring(1);
        var lines = new TextLines(text);
        try
        {
            return new NodeResult(new YamlReader(text, lines).Read(), []);
        }
        catch (UnreadableYamlException e)
        {
            return Failed(e.Info, e, e.Message);
        }
        catch (YamlException e)
        {
            return Failed(DiagnosticCatalog.MalformedYaml, e, $"this is not YAML: {e.Message}");
        }

        NodeResult Failed(DiagnosticInfo info, YamlException e, string message) =>
            new(null, EquatableArray.Of(info.At(path, lines.Span(e.Start, e.End), message)));
    }
}
