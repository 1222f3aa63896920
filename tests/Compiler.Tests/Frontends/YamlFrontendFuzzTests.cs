using System.Text;
using System.Text.RegularExpressions;
using CsCheck;
using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Compiler.Tests.Specs;

namespace ModelCompiler.Compiler.Tests.Frontends;

/// <summary>Whatever the text, the reader gives a spec or a diagnostic within the text, and never an exception.</summary>
public class YamlFrontendFuzzTests
{
    // Each property runs as often; together 2,800 cases, nightly 28,000.
    private static readonly long s_cases = Environment.GetEnvironmentVariable("MODELCOMPILER_NIGHTLY") == "1" ? 7_000 : 700;

    private static readonly Gen<string> s_specs = Gen.OneOf(SpecFiles.Good.Concat(SpecFiles.Bad).Select(SpecFiles.Read).ToArray());

    private static readonly string[] s_fragments =
    [
        ":", "- ", "\n", "\r\n", "\t", "{", "}", "[", "]", ",", "#", "&a ", "*a", "<<: ", "!", "!!str ", "|\n", ">-\n", "\"", "'", "? ", "---\n",
        "...\n", "%YAML 9.9\n", "@", "`", "\0", "\uFEFF", "\u0085", "\u2028", "\uD800", "\U0001F600", "~", "  ", "\\", "\"\\x\"", "--- |\n",
    ];

    private static readonly string[] s_values =
    [
        "0", "-1", "1", "2147483647", "2147483648", "-2147483649", "99999999999999999999", "1e999", "-1e999", "1e-999", ".nan", ".inf",
        "-.inf", "3.5", "0x10", "1_000", "+6", "true", "null", "~", "\"\"", "[]", "{}", "[[]]", "{a: b}", "rope", "blocks.2", "é", "=",
    ];

    [Fact]
    public void Random_bytes_and_characters() =>
        Gen.OneOf(Gen.Byte.Array.Select(Encoding.UTF8.GetString), Gen.String, Gen.OneOf(s_fragments).Array[0, 40].Select(string.Concat)).Sample(Check, iter: s_cases);

    [Fact]
    public void Specs_with_characters_changed() =>
        Gen.Select(s_specs, Gen.Select(Gen.Double.Unit, Gen.Int[0, 8], Gen.OneOf(s_fragments)).Array[1, 6])
            .Select((text, edits) => edits.Aggregate(text, (t, edit) =>
            {
                var at = (int)(edit.Item1 * t.Length);
                return t.Remove(at, Math.Min(edit.Item2, t.Length - at)).Insert(at, edit.Item3);
            }))
            .Sample(Check, iter: s_cases);

    [Fact]
    public void Specs_with_lines_moved_removed_doubled_and_indented() =>
        Gen.Select(s_specs, Gen.Select(Gen.Double.Unit, Gen.Double.Unit, Gen.Int[0, 4]).Array[1, 6])
            .Select((text, edits) => edits.Aggregate(text, (t, edit) =>
            {
                var lines = t.Split('\n').ToList();
                int from = (int)(edit.Item1 * lines.Count), to = (int)(edit.Item2 * lines.Count);
                var line = lines[from];
                if (edit.Item3 is 0 or 1) lines.RemoveAt(from);
                if (edit.Item3 is 1 or 2) lines.Insert(Math.Min(to, lines.Count), line);
                if (edit.Item3 == 3) lines[from] = "  " + line;
                if (edit.Item3 == 4) lines[from] = line.TrimStart();
                return string.Join("\n", lines);
            }))
            .Sample(Check, iter: s_cases);

    [Fact]
    public void Specs_with_values_and_keys_changed() =>
        Gen.Select(s_specs, Gen.Select(Gen.Double.Unit, Gen.OneOf(s_values), Gen.Double.Unit, Gen.Bool).Array[1, 6])
            .Select((text, edits) => edits.Aggregate(text, (t, edit) =>
            {
                var lines = t.Split('\n');
                int at = (int)(edit.Item1 * lines.Length), other = (int)(edit.Item3 * lines.Length);
                if (lines[at].Split(": ", 2) is not [var key, _] pair || lines[other].Split(": ", 2) is not [var otherKey, _]) return t;
                lines[at] = edit.Item4 ? key + ": " + edit.Item2 : otherKey + ": " + pair[1];
                return string.Join("\n", lines);
            }))
            .Sample(Check, iter: s_cases);

    [Theory]
    [InlineData("model: ", "[", 60_000)]
    [InlineData("model: ", "{a: ", 60_000)]
    [InlineData("", "- ", 60_000)]
    [InlineData("", "? ", 60_000)]
    [InlineData("a: ", "&a ", 60_000)]
    [InlineData("", "a:\n", 60_000)]
    [InlineData("- ", "- [\n", 40_000)]
    [InlineData("\"", "\\", 80_000)]
    [InlineData("a: |", "\n ", 80_000)]
    [InlineData("", "x", 2_000_000)]
    [InlineData("%TAG ! ", "x", 250_000)]
    [InlineData("", "a, ", 80_000)]
    public void Hostile_texts_are_refused_in_a_moment(string start, string repeated, int times)
    {
        var watch = System.Diagnostics.Stopwatch.StartNew();
        Assert.True(Check(start + string.Concat(Enumerable.Repeat(repeated, times))));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"took {watch.Elapsed}");
    }

    private static bool Check(string text)
    {
        var result = YamlFrontend.Read(text, Reading.Path);
        var diagnostics = Reading.Diagnose(result);
        var hasError = result.Diagnostics.Any(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        return result.Spec is null == hasError
            && diagnostics.All(diagnostic => IsWithin(diagnostic.Span, text) && !diagnostic.Message.Contains('\n', StringComparison.Ordinal))
            && result.Map.Entries.All(entry => IsWithin(entry.Span, text));
    }

    private static bool IsWithin(SourceSpan span, string text)
    {
        var lines = Regex.Split(text.StartsWith('\uFEFF') ? text[1..] : text, "\r\n|[\n\r\u0085\u2028\u2029]");
        return (span.StartLine, span.StartColumn).CompareTo((span.EndLine, span.EndColumn)) <= 0
            && span is { StartLine: >= 0, StartColumn: >= 0 }
            && span.EndLine < lines.Length
            && span.StartColumn <= lines[span.StartLine].Length
            && span.EndColumn <= lines[span.EndLine].Length;
    }
}
