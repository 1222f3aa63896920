using System.Text;

namespace ModelCompiler.Compiler.Emit;

/// <summary>Writes indented C# with '\n' endings.</summary>
public sealed class SourceWriter
{
    private readonly StringBuilder _text = new();
    private int _indent;

    public SourceWriter Line(string line = "")
    {
        if (line.Length > 0) _text.Append(' ', 4 * _indent).Append(line);
        _text.Append('\n');
        return this;
    }

    public SourceWriter Lines(params string[] lines)
    {
        foreach (var line in lines) Line(line);
        return this;
    }

    /// <summary>A block in braces, or in other brackets, under a header; closing it may add a suffix such as a semicolon.</summary>
    public IDisposable Block(string header, string suffix = "", char open = '{', char close = '}')
    {
        Line(header).Line(open.ToString());
        _indent++;
        return new Closing(this, close + suffix);
    }

    /// <summary>A statement under a header, without braces.</summary>
    public void Nested(string header, string statement)
    {
        Line(header);
        _indent++;
        Line(statement);
        _indent--;
    }

    public override string ToString() => _text.ToString();

    private sealed class Closing(SourceWriter writer, string text) : IDisposable
    {
        public void Dispose()
        {
            writer._indent--;
            writer.Line(text);
        }
    }
}
