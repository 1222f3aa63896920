using System.Text;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Tokenizers.Json.PreTokenizers;

/// <summary>A piece of a text.</summary>
/// <param name="Text">Its characters.</param>
/// <param name="Starts">Whether it stands at the start of the whole text.</param>
internal readonly record struct Piece(string Text, bool Starts);

/// <summary>The pre-tokenizers of tokenizer.json: they cut a text into the words within which the model finds tokens.</summary>
internal static class PreTokenizerTable
{
    /// <summary>GPT-2's pattern, with <c>use_regex</c>.</summary>
    private static readonly Pattern s_words = new(null, Words.Pattern());

    /// <summary>What Rust's <c>\w</c> is: .NET's lacks some marks and numbers.</summary>
    private const string WordCharacter = @"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\u200C\u200D";

    private static readonly Pattern s_wordsOrNot = new(null, new($@"[{WordCharacter}]+|[^{WordCharacter}\s]+"));

    /// <summary>The function that a section describes; the whole text where there is none.</summary>
    public static Func<Piece, IEnumerable<Piece>> Read(StrictObject? section)
    {
        if (section is null)
            return piece => [piece];
        var cut = Create(section);
        section.Finish();
        return cut;
    }

    /// <summary>Whether a section writes bytes in GPT-2's alphabet.</summary>
    public static bool IsByteLevel(StrictObject? section) => section is not null
        && (section.Text("type") == "ByteLevel" || (section.Text("type") == "Sequence" && section.Sections("pretokenizers").Any(IsByteLevel)));

    private static Func<Piece, IEnumerable<Piece>> Create(StrictObject section) => section.Text("type") switch
    {
        "Sequence" => Sequence([.. section.Sections("pretokenizers").Select(Read)]),
        "ByteLevel" => ByteLevel(section),
        "Split" => Split(section),
        "Whitespace" => OnText(text => Cutting.Cut(text, s_wordsOrNot, CutBehavior.Removed, invert: true)),
        "WhitespaceSplit" => OnText(text => Cutting.Cut(text, Rune.IsWhiteSpace, CutBehavior.Removed)),
        "BertPreTokenizer" => OnText(text => Cutting.Cut(text, Rune.IsWhiteSpace, CutBehavior.Removed).SelectMany(word => Cutting.Cut(word, IsPunctuation, CutBehavior.Isolated))),
        "Punctuation" => Punctuation(Behavior(section, "Isolated")),
        "Digits" => Digits(section.Flag("individual_digits", false) ? CutBehavior.Isolated : CutBehavior.Contiguous),
        "Metaspace" => Metaspace(section),
        _ => throw section.Refused("type", "this pre-tokenizer is not supported"),
    };

    private static Func<Piece, IEnumerable<Piece>> Sequence(Func<Piece, IEnumerable<Piece>>[] steps) => piece =>
        steps.Aggregate<Func<Piece, IEnumerable<Piece>>, IEnumerable<Piece>>([piece], (pieces, step) => pieces.SelectMany(step));

    private static Func<Piece, IEnumerable<Piece>> OnText(Func<string, IEnumerable<string>> cut) => piece =>
        cut(piece.Text).Select((text, i) => new Piece(text, piece.Starts && i == 0 && piece.Text.StartsWith(text, StringComparison.Ordinal)));

    private static Func<Piece, IEnumerable<Piece>> ByteLevel(StrictObject section)
    {
        var (space, words) = (section.Flag("add_prefix_space", true), section.Flag("use_regex", true));
        section.Ignore("trim_offsets");
        return OnText(text =>
        {
            text = space && !text.StartsWith(' ') ? " " + text : text;
            IEnumerable<string> pieces = words ? Cutting.Cut(text, s_words, CutBehavior.Isolated) : [text];
            return pieces.Select(piece => ByteAlphabet.ToText(Encoding.UTF8.GetBytes(piece)));
        });
    }

    private static Func<Piece, IEnumerable<Piece>> Split(StrictObject section)
    {
        var (pattern, behavior, invert) = (Patterns.Read(section, "pattern"), Behavior(section, ""), section.Flag("invert", false));
        return OnText(text => Cutting.Cut(text, pattern, behavior, invert));
    }

    private static Func<Piece, IEnumerable<Piece>> Punctuation(CutBehavior behavior) => OnText(text => Cutting.Cut(text, IsPunctuation, behavior));

    private static Func<Piece, IEnumerable<Piece>> Digits(CutBehavior behavior) => OnText(text => Cutting.Cut(text, Rune.IsNumber, behavior));

    /// <summary>SentencePiece's spaces: each becomes ▁, which begins a word; one is put before the text.</summary>
    private static Func<Piece, IEnumerable<Piece>> Metaspace(StrictObject section)
    {
        var replacement = section.OptionalText("replacement") ?? "▁";
        section.Ignore("str_rep");
        var old = section.Flag("add_prefix_space", true) ? "always" : "never";
        var prepend = section.Choice("prepend_scheme", old, ("always", (bool?)true), ("first", null), ("never", false));
        var (split, mark) = (section.Flag("split", true), new Pattern(replacement, null));
        return piece =>
        {
            var text = piece.Text.Replace(" ", replacement, StringComparison.Ordinal);
            if ((prepend ?? piece.Starts) && !text.StartsWith(replacement, StringComparison.Ordinal))
                text = replacement + text;
            return OnText(whole => split ? Cutting.Cut(whole, mark, CutBehavior.MergedWithNext) : [whole])(piece with { Text = text });
        };
    }

    private static CutBehavior Behavior(StrictObject section, string otherwise) =>
        section.Choice("behavior", otherwise, [.. Enum.GetValues<CutBehavior>().Select(behavior => (behavior.ToString(), behavior))]);

    private static bool IsPunctuation(Rune rune) => rune.IsAscii
        ? char.IsAscii((char)rune.Value) && (char.IsPunctuation((char)rune.Value) || char.IsSymbol((char)rune.Value))
        : Rune.IsPunctuation(rune);
}
