using System.Text.RegularExpressions;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Tokenizers.Json;

/// <summary>A pattern of tokenizer.json: a literal text or a regular expression.</summary>
internal sealed record Pattern(string? Literal, Regex? Expression);

internal static class Patterns
{
    /// <summary>Reads <c>{"String": …}</c> or <c>{"Regex": …}</c>.</summary>
    public static Pattern Read(StrictObject section, string key)
    {
        var pattern = section.Section(key) ?? throw section.Refused(key, "a pattern belongs there");
        var (literal, expression) = (pattern.OptionalText("String"), pattern.OptionalText("Regex"));
        pattern.Finish();
        if (literal is not null)
            return new Pattern(literal, null);
        try
        {
            return new Pattern(null, new Regex(expression ?? throw section.Refused(key, "a pattern belongs there"), RegexOptions.CultureInvariant | RegexOptions.Compiled));
        }
        catch (ArgumentException e)
        {
            throw section.Refused(key, $"the regular expression cannot be used ({e.Message})");
        }
    }
}
