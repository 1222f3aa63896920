using System.Globalization;
using System.Text;

namespace ModelCompiler.Runtime.Tests.Tokenizers.Json;

/// <summary>
/// The word patterns of GPT-2, Llama 3 and Qwen2, written out by hand: at each place the alternatives of the pattern are tried in
/// their order, over whole characters. The oracle of the regular expressions.
/// </summary>
internal static class NaiveWords
{
    public static List<string> Gpt2(string text) => Cut(text, (t, i) =>
        Contraction(t, i, ignoreCase: false)
        ?? Run(t, Skip(t, i, ' '), IsLetter)
        ?? Run(t, Skip(t, i, ' '), IsNumber)
        ?? Run(t, Skip(t, i, ' '), IsOther)
        ?? Spaces(t, i));

    public static List<string> Llama3(string text) => Newer(text, digits: 3);

    public static List<string> Qwen2(string text) => Newer(text, digits: 1);

    private static List<string> Newer(string text, int digits) => Cut(text, (t, i) =>
    {
        if (Contraction(t, i, ignoreCase: true) is { } contraction)
            return contraction;
        if (i < t.Length && !IsLetter(t[i]) && !IsNumber(t[i]) && t[i].Value is not ('\r' or '\n') && Run(t, i + 1, IsLetter) is { } marked)
            return marked;
        if (Run(t, i, IsLetter) is { } word)
            return word;
        if (IsNumber(t[i]))
            return i + Math.Min(digits, Run(t, i, IsNumber)!.Value - i);
        if (Run(t, Skip(t, i, ' '), IsOther) is { } other)
            return Run(t, other, rune => rune.Value is '\r' or '\n') ?? other;
        if (Run(t, i, Rune.IsWhiteSpace) is { } blank && Enumerable.Range(i, blank - i).Where(k => t[k].Value is '\r' or '\n').ToArray() is [.., var newline])
            return newline + 1;
        return Spaces(t, i);
    });

    private static List<string> Cut(string text, Func<Rune[], int, int> next)
    {
        var (runes, words) = (text.EnumerateRunes().ToArray(), new List<string>());
        for (var i = 0; i < runes.Length;)
        {
            var end = next(runes, i);
            words.Add(string.Concat(runes[i..end]));
            i = end;
        }

        return words;
    }

    private static int? Contraction(Rune[] text, int i, bool ignoreCase)
    {
        foreach (var end in (string[])["s", "t", "re", "ve", "m", "ll", "d"])
        {
            var piece = string.Concat(text.Skip(i).Take(end.Length + 1));
            if (string.Equals(piece, "'" + end, ignoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal))
                return i + end.Length + 1;
        }

        return null;
    }

    /// <summary>The end of as many characters as fit, of which there must be one.</summary>
    private static int? Run(Rune[] text, int i, Func<Rune, bool> fits)
    {
        var end = i;
        while (end < text.Length && fits(text[end]))
            end++;
        return end > i ? end : null;
    }

    private static int Skip(Rune[] text, int i, char c) => i < text.Length && text[i].Value == c ? i + 1 : i;

    /// <summary>Blanks but for the last if a word follows.</summary>
    private static int Spaces(Rune[] text, int i)
    {
        var end = Run(text, i, Rune.IsWhiteSpace)!.Value;
        return end < text.Length && end > i + 1 ? end - 1 : end;
    }

    private static bool IsLetter(Rune rune) => Rune.GetUnicodeCategory(rune) is >= UnicodeCategory.UppercaseLetter and <= UnicodeCategory.OtherLetter;

    private static bool IsNumber(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;

    private static bool IsOther(Rune rune) => !IsLetter(rune) && !IsNumber(rune) && !Rune.IsWhiteSpace(rune);
}
