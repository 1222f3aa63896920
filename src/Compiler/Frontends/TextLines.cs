using YamlDotNet.Core;

namespace ModelCompiler.Compiler.Frontends;

/// <summary>The lines of a text, broken where YAML and C# break them.</summary>
internal sealed class TextLines
{
    private readonly List<int> _lengths = [];

    public TextLines(string text)
    {
        var start = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] is not ('\n' or '\r' or '\u0085' or '\u2028' or '\u2029')) continue;
            _lengths.Add(i - start);
            if (text[i] == '\r' && i + 1 < text.Length && text[i + 1] == '\n') i++;
            start = i + 1;
        }

        _lengths.Add(text.Length - start);
    }

    /// <summary>The parser counts from one, and in broken texts past the end of the line or before the start.</summary>
    public SourceSpan Span(Mark start, Mark end)
    {
        var (startLine, startColumn) = Within(start);
        var (endLine, endColumn) = Within(end);
        return (endLine, endColumn).CompareTo((startLine, startColumn)) < 0
            ? new SourceSpan(startLine, startColumn, startLine, startColumn)
            : new SourceSpan(startLine, startColumn, endLine, endColumn);
    }

    private (int Line, int Column) Within(Mark mark)
    {
        var line = Clamp(mark.Line - 1, _lengths.Count - 1);
        return (line, Clamp(mark.Column - 1, _lengths[line]));
    }

    private static int Clamp(long value, int max) => (int)Math.Max(0, Math.Min(value, max));
}
