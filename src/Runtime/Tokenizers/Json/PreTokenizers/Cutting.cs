using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace ModelCompiler.Runtime.Tokenizers.Json.PreTokenizers;

/// <summary>What becomes of the matches of a pattern at which a text is cut.</summary>
internal enum CutBehavior
{
    /// <summary>They are left out.</summary>
    Removed,

    /// <summary>Each is a piece.</summary>
    Isolated,

    /// <summary>Each ends the piece before it.</summary>
    MergedWithPrevious,

    /// <summary>Each begins the piece after it.</summary>
    MergedWithNext,

    /// <summary>Neighbouring ones are a piece.</summary>
    Contiguous,
}

/// <summary>Cuts a text at the matches of a pattern, as the library tokenizers does.</summary>
internal static class Cutting
{
    private readonly record struct Span(int Start, int End, bool IsMatch);

    public static IEnumerable<string> Cut(string text, Pattern pattern, CutBehavior behavior, bool invert = false) => Pieces(
        text, Fill(text, pattern.Literal is { } literal ? Literals(text, literal) : Matches(text, pattern.Expression!), invert), behavior);

    /// <summary>Cuts at single characters.</summary>
    public static IEnumerable<string> Cut(string text, Func<Rune, bool> isMatch, CutBehavior behavior) => Pieces(text, Fill(text, Runes(text, isMatch), false), behavior);

    private static IEnumerable<(int Start, int End)> Runes(string text, Func<Rune, bool> isMatch)
    {
        var start = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if (isMatch(rune))
                yield return (start, start + rune.Utf16SequenceLength);
            start += rune.Utf16SequenceLength;
        }
    }

    private static IEnumerable<(int Start, int End)> Literals(string text, string literal)
    {
        for (var start = 0; literal.Length > 0 && (start = text.IndexOf(literal, start, StringComparison.Ordinal)) >= 0; start += literal.Length)
            yield return (start, start + literal.Length);
    }

    private static IEnumerable<(int Start, int End)> Matches(string text, Regex expression)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            foreach (Match match in expression.Matches(text))
                yield return (match.Index, match.Index + match.Length);
            yield break;
        }

        var (flat, places) = Flatten(text);
        foreach (Match match in expression.Matches(flat))
            yield return (places[match.Index], places[match.Index + match.Length]);
    }

    /// <summary>
    /// .NET's expressions see the two halves of a character beyond U+FFFF, and not its category. Each such character is matched as
    /// one of its category that no pattern names.
    /// </summary>
    private static (string Text, List<int> Places) Flatten(string text)
    {
        var (flat, places, place) = (new StringBuilder(text.Length), new List<int>(text.Length + 1), 0);
        foreach (var rune in text.EnumerateRunes())
        {
            flat.Append(rune.IsBmp ? (char)rune.Value : Rune.GetUnicodeCategory(rune) switch
            {
                UnicodeCategory.UppercaseLetter => '\uA77D',
                UnicodeCategory.LowercaseLetter => '\uA771',
                UnicodeCategory.ModifierLetter => '\uA717',
                UnicodeCategory.OtherLetter => '\uA000',
                UnicodeCategory.DecimalDigitNumber => '\uA620',
                UnicodeCategory.LetterNumber => '\uA6E6',
                UnicodeCategory.OtherNumber => '\uA830',
                UnicodeCategory.NonSpacingMark => '\uA66F',
                UnicodeCategory.SpacingCombiningMark => '\uA823',
                UnicodeCategory.MathSymbol => '\u2A00',
                UnicodeCategory.CurrencySymbol => '\u20BF',
                UnicodeCategory.ModifierSymbol => '\uA700',
                UnicodeCategory.OtherSymbol => '\uA490',
                UnicodeCategory.DashPunctuation => '\u2E3A',
                UnicodeCategory.OtherPunctuation => '\uA60D',
                _ => '\uE000',
            });
            places.Add(place);
            place += rune.Utf16SequenceLength;
        }

        places.Add(place);
        return (flat.ToString(), places);
    }

    /// <summary>The matches and what lies between them.</summary>
    private static IEnumerable<Span> Fill(string text, IEnumerable<(int Start, int End)> matches, bool invert)
    {
        var end = 0;
        foreach (var match in matches)
        {
            if (match.Start > end)
                yield return new Span(end, match.Start, invert);
            if (match.End > match.Start)
                yield return new Span(match.Start, match.End, !invert);
            end = match.End;
        }

        if (end < text.Length)
            yield return new Span(end, text.Length, invert);
    }

    private static IEnumerable<string> Pieces(string text, IEnumerable<Span> spans, CutBehavior behavior) => (behavior switch
    {
        CutBehavior.Removed => spans.Where(span => !span.IsMatch),
        CutBehavior.Isolated => spans,
        CutBehavior.Contiguous => Join(spans, (before, span) => before.IsMatch == span.IsMatch),
        CutBehavior.MergedWithPrevious => Join(spans, (before, span) => span.IsMatch && !before.IsMatch),
        _ => Join(spans, (before, span) => before.IsMatch && !span.IsMatch),
    }).Select(span => text[span.Start..span.End]);

    /// <summary>Joins spans with the one before them, which then counts as what came last.</summary>
    private static IEnumerable<Span> Join(IEnumerable<Span> spans, Func<Span, Span, bool> joins)
    {
        Span? open = null;
        foreach (var span in spans)
        {
            if (open is { } before && joins(before, span))
            {
                open = new Span(before.Start, span.End, span.IsMatch);
                continue;
            }

            if (open is { } whole)
                yield return whole;
            open = span;
        }

        if (open is { } last)
            yield return last;
    }
}
