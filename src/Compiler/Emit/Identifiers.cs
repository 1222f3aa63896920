using System.Globalization;
using System.Text;

namespace ModelCompiler.Compiler.Emit;

/// <summary>
/// C# names of values: attention.qkv is AttentionQkv, its gradient d_attention.qkv is dAttentionQkv. Values of one class
/// that would collide are numbered in their order.
/// </summary>
public sealed class Identifiers
{
    private readonly Dictionary<string, string> _names = [];

    // Members that the classes of views have besides the views.
    private readonly HashSet<string> _taken =
    [
        "B", "T", "N", "Input", "Output", "dInput", "dOutput", "Rows", "Logits", "Tokens", "Dispose",
        "Equals", "Finalize", "GetHashCode", "GetType", "MemberwiseClone", "ReferenceEquals", "ToString",
        "MainActivations", "InferenceActivations",
    ];

    public string this[string value]
    {
        get
        {
            if (_names.TryGetValue(value, out var known)) return known;
            var name = Pascal(value);
            var fresh = name;
            for (var n = 2; !_taken.Add(fresh); n++) fresh = name + "_" + n.ToString(CultureInfo.InvariantCulture);
            return _names[value] = fresh;
        }
    }

    public static string Pascal(string value)
    {
        var gradient = value.StartsWith("d_", StringComparison.Ordinal);
        var text = new StringBuilder();
        var start = true;
        foreach (var c in gradient ? value.Substring(2) : value)
        {
            if (!char.IsLetterOrDigit(c))
            {
                start = true;
                continue;
            }
            text.Append(start ? char.ToUpperInvariant(c) : c);
            start = false;
        }
        if (text.Length == 0 || char.IsDigit(text[0])) text.Insert(0, '_');
        return gradient ? "d" + text : text.ToString();
    }
}
