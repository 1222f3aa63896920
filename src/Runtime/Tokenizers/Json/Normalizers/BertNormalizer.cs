using System.Globalization;
using System.Text;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Tokenizers.Json.Normalizers;

/// <summary>BERT's normalizer (Devlin et al. 2018): control characters out, spaces around Chinese characters, accents off, lower case.</summary>
internal static class BertNormalizer
{
    public static Func<string, string> Read(StrictObject section)
    {
        var (clean, chinese) = (section.Flag("clean_text", true), section.Flag("handle_chinese_chars", true));
        var lowercase = section.Flag("lowercase", true);
        var keepAccents = !section.Flag("strip_accents", lowercase);
        return text =>
        {
            text = clean ? Clean(text) : text;
            text = chinese ? SpaceChinese(text) : text;
            text = keepAccents ? text : NormalizerTable.Filter(UnicodeForms.Normalize(text, NormalizationForm.FormD), category => category != UnicodeCategory.NonSpacingMark);
            return lowercase ? NormalizerTable.Lowercase(text) : text;
        };
    }

    private static string Clean(string text)
    {
        var kept = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value is '\t' or '\n' or '\r' || Rune.IsWhiteSpace(rune))
                kept.Append(' ');
            else if (rune.Value is not (0 or 0xFFFD) && Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse))
                kept.Append(rune.ToString());
        }

        return kept.ToString();
    }

    private static string SpaceChinese(string text)
    {
        var spaced = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
            spaced.Append(IsChinese(rune.Value) ? $" {rune} " : rune.ToString());
        return spaced.ToString();
    }

    /// <summary>The blocks of unified and compatibility ideographs.</summary>
    private static bool IsChinese(int c) => c
        is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2B73F)
        or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B920 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);
}
