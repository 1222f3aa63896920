using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Tokenizers.Json.Normalizers;

/// <summary>The normalizers of tokenizer.json: functions of a text before it is cut into words.</summary>
internal static class NormalizerTable
{
    /// <summary>The function that a section describes; the text itself where there is none.</summary>
    public static Func<string, string> Read(StrictObject? section)
    {
        if (section is null)
            return text => text;
        var normalizer = Create(section);
        section.Finish();
        return normalizer;
    }

    private static Func<string, string> Create(StrictObject section) => section.Text("type") switch
    {
        "Sequence" => Sequence([.. section.Sections("normalizers").Select(Read)]),
        "NFC" => text => UnicodeForms.Normalize(text, NormalizationForm.FormC),
        "NFD" => text => UnicodeForms.Normalize(text, NormalizationForm.FormD),
        "NFKC" => text => UnicodeForms.Normalize(text, NormalizationForm.FormKC),
        "NFKD" => text => UnicodeForms.Normalize(text, NormalizationForm.FormKD),
        "Lowercase" => Lowercase,
        "StripAccents" => text => Filter(text, category => category
            is not (UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark)),
        "Strip" => Strip(section.Flag("strip_left", true), section.Flag("strip_right", true)),
        "Replace" => Replace(section),
        "Prepend" => Prepend(section.Text("prepend")),
        "BertNormalizer" => BertNormalizer.Read(section),
        "Precompiled" => section.OptionalText("precompiled_charsmap") is { Length: > 0 } map ? new PrecompiledNormalizer(map, section).Normalize : text => text,
        _ => throw section.Refused("type", "this normalizer is not supported"),
    };

    /// <summary>Character by character, as Rust does it: without the special form of a final sigma.</summary>
    public static string Lowercase(string text) => text.Replace("\u0130", "i\u0307", StringComparison.Ordinal).ToLowerInvariant();

    /// <summary>The characters whose category fits.</summary>
    public static string Filter(string text, Func<UnicodeCategory, bool> fits)
    {
        var kept = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (fits(Rune.GetUnicodeCategory(rune)))
                kept.Append(rune.ToString());
        }

        return kept.ToString();
    }

    private static Func<string, string> Sequence(Func<string, string>[] steps) => text => steps.Aggregate(text, (current, step) => step(current));

    private static Func<string, string> Strip(bool left, bool right) => text =>
    {
        text = left ? text.TrimStart() : text;
        return right ? text.TrimEnd() : text;
    };

    private static Func<string, string> Prepend(string start) => text => text.Length == 0 ? text : start + text;

    private static Func<string, string> Replace(StrictObject section)
    {
        var (pattern, content) = (Patterns.Read(section, "pattern"), section.Text("content"));
        if (pattern.Literal is { } literal)
            return text => literal.Length == 0 ? text : text.Replace(literal, content, StringComparison.Ordinal);
        return text => pattern.Expression!.Replace(text, (Match _) => content);
    }
}
