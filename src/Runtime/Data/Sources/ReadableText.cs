using System.Text;

namespace ModelCompiler.Runtime.Data.Sources;

/// <summary>Builds text with one space between words, no blank lines and no spaces at the ends of lines.</summary>
internal sealed class ReadableText
{
    private readonly StringBuilder _text = new();
    private bool _spaceDue;

    public int Length => _text.Length;

    /// <summary>Keeps spaces and line ends as they are, but for blank lines: code.</summary>
    public bool Verbatim { get; set; }

    public void Text(string text)
    {
        foreach (var c in text)
        {
            if (Verbatim && c == '\n')
                NewLine();
            else if (Verbatim)
                _text.Append(c);
            else if (char.IsWhiteSpace(c))
                _spaceDue = true;
            else
                Word(c);
        }
    }

    public void NewLine()
    {
        _spaceDue = false;
        if (_text.Length > 0 && _text[^1] != '\n')
            _text.Append('\n');
    }

    public void Line(string text)
    {
        Text(text);
        NewLine();
    }

    public string Finish()
    {
        NewLine();
        return _text.ToString();
    }

    private void Word(char c)
    {
        if (_spaceDue && _text.Length > 0 && _text[^1] != '\n')
            _text.Append(' ');
        _spaceDue = false;
        _text.Append(c);
    }
}
