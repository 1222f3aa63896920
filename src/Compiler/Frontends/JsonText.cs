using System.Globalization;
using System.Text;

namespace ModelCompiler.Compiler.Frontends;

/// <summary>Writes JSON, indented by two: objects as lists of pairs, in their order.</summary>
internal static class JsonText
{
    public static string Write(object value)
    {
        var text = new StringBuilder();
        Write(text, value, indent: 0);
        return text.Append('\n').ToString();
    }

    private static void Write(StringBuilder text, object value, int indent)
    {
        switch (value)
        {
            case string s:
                Quote(text, s);
                break;
            case bool b:
                text.Append(b ? "true" : "false");
                break;
            case IFormattable number:
                text.Append(number.ToString(null, CultureInfo.InvariantCulture));
                break;
            case IReadOnlyCollection<KeyValuePair<string, object>> pairs:
                Items(text, pairs, '{', '}', indent, pair =>
                {
                    Quote(text, pair.Key);
                    text.Append(": ");
                    Write(text, pair.Value, indent + 1);
                });
                break;
            case IReadOnlyCollection<object> items:
                Items(text, items, '[', ']', indent, item => Write(text, item, indent + 1));
                break;
            default:
                throw new InvalidOperationException($"JSON has no {value.GetType()}");
        }
    }

    private static void Items<T>(StringBuilder text, IReadOnlyCollection<T> items, char open, char close, int indent, Action<T> write)
    {
        text.Append(open);
        var isFirst = true;
        foreach (var item in items)
        {
            text.Append(isFirst ? "\n" : ",\n").Append(' ', 2 * (indent + 1));
            write(item);
            isFirst = false;
        }

        if (!isFirst) text.Append('\n').Append(' ', 2 * indent);
        text.Append(close);
    }

    private static void Quote(StringBuilder text, string s)
    {
        text.Append('"');
        foreach (var c in s)
        {
            if (c is '"' or '\\') text.Append('\\').Append(c);
            else if (c < ' ') text.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
            else text.Append(c);
        }

        text.Append('"');
    }
}
