using System.Globalization;
using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends.Shapes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends;

/// <summary>Binds text, numbers, booleans and choices. Numbers are decimal; booleans are true and false.</summary>
internal static class ScalarBinder
{
    private static readonly string[] s_otherTruths = ["yes", "on", "y", "no", "off", "n"];

    /// <returns>The value; null after a diagnostic.</returns>
    public static object? Bind(KeyShape key, SpecNode node, string specPath, SourceSpan anchor, BindingReport report)
    {
        if (node is not ScalarNode scalar)
        {
            report.Add(DiagnosticCatalog.WrongType, node.Span,
                $"{specPath} must be {key.DescribeScalar()}, not {RecordBinder.Describe(node)}");
            return null;
        }

        if (scalar.IsNull || scalar.Text.Length == 0)
        {
            report.Add(DiagnosticCatalog.MissingValue, anchor,
                $"{specPath} has no value; write {key.DescribeScalar()}{(key.Required ? "" : ", or remove the key")}");
            return null;
        }

        return key.Kind switch
        {
            ValueKind.Text => scalar.Text,
            ValueKind.Choice => Choice(),
            ValueKind.ByteSize => ByteSize.Parse(scalar.Text) ?? WrongType(""),
            ValueKind.Count => Count.Parse(scalar.Text) ?? WrongType(""),
            _ when scalar.Quoted => WrongType($"; write it without quotes"),
            ValueKind.Boolean => Boolean(),
            _ => Number(),
        };

        object? WrongType(string remedy)
        {
            report.Add(DiagnosticCatalog.WrongType, scalar.Span,
                $"{specPath} must be {key.DescribeScalar()}, not {RecordBinder.Describe(scalar)}{remedy}");
            return null;
        }

        object? Choice()
        {
            if (key.Choices.TryGetValue(scalar.Text, out var value)) return value;
            report.Add(DiagnosticCatalog.UnknownValue, scalar.Span,
                $"{specPath} cannot be '{RecordBinder.Short(scalar.Text)}'; {Suggestion.For(scalar.Text, key.Choices.Keys.ToArray(), "choices")}");
            return null;
        }

        object? Boolean() => scalar.Text switch
        {
            "true" => true,
            "false" => false,
            var text when s_otherTruths.Contains(text.ToLowerInvariant()) =>
                WrongType(text[0] is 'y' or 'Y' || text.ToLowerInvariant() == "on" ? "; write true" : "; write false"),
            _ => WrongType(""),
        };

        object? Number()
        {
            if (Parse(scalar.Text) is not { } number) return WrongType("");
            if (!(number >= key.Min && number <= key.Max) || double.IsInfinity(number))
            {
                report.Add(DiagnosticCatalog.OutOfRange, scalar.Span,
                    $"{specPath} is {RecordBinder.Short(scalar.Text)}, but must be {key.DescribeScalar()}");
                return null;
            }

            if (key.Kind == ValueKind.Number) return number;
            return IsWhole(scalar.Text) ? (object)(int)number : WrongType("");
        }
    }

    /// <summary>Null for what is no number; infinite for what is too large; NaN and infinities as YAML writes them.</summary>
    private static double? Parse(string text)
    {
        switch (text.TrimStart('+', '-').ToLowerInvariant())
        {
            case ".nan" or "nan":
                return double.NaN;
            case ".inf" or "inf" or "infinity":
                return text[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
        }

        return double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
            CultureInfo.InvariantCulture, out var number)
            ? number
            : null;
    }

    private static bool IsWhole(string text) => text.TrimStart('+', '-').All(c => c is >= '0' and <= '9');
}
