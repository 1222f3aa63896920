using System.Text.Json;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Tokenizers.Json;

/// <summary>What is put around the tokens of a text, or of a pair: BERT's <c>[CLS] A [SEP] B [SEP]</c>, Llama's <c>&lt;s&gt; A</c>.</summary>
/// <param name="Single">The tokens around one text.</param>
/// <param name="Pair">The tokens around two.</param>
internal sealed record PostProcessor(IReadOnlyList<PostProcessor.Part> Single, IReadOnlyList<PostProcessor.Part> Pair)
{
    /// <summary>A token, or the place of a text.</summary>
    /// <param name="Token">The token's id; null for a text.</param>
    /// <param name="Second">Whether the text is the second.</param>
    internal readonly record struct Part(int? Token, bool Second);

    private static readonly Part s_first = new(null, false), s_second = new(null, true);

    private static readonly PostProcessor s_nothing = new([s_first], [s_first, s_second]);

    /// <summary>The one that a section describes; one that adds nothing where there is none.</summary>
    public static PostProcessor Read(StrictObject? section)
    {
        if (section is null)
            return s_nothing;
        var processor = Create(section);
        section.Finish();
        return processor;
    }

    private static PostProcessor Create(StrictObject section)
    {
        switch (section.Text("type"))
        {
            case "ByteLevel": // moves offsets only
                section.Ignore("add_prefix_space", "trim_offsets", "use_regex");
                return s_nothing;
            case "Sequence":
                return section.Sections("processors").Select(Read).LastOrDefault(processor => processor != s_nothing) ?? s_nothing;
            case "BertProcessing":
                var (cls, sep) = (Token(section, "cls"), Token(section, "sep"));
                return new([cls, s_first, sep], [cls, s_first, sep, s_second, sep]);
            case "RobertaProcessing":
                section.Ignore("add_prefix_space", "trim_offsets");
                (cls, sep) = (Token(section, "cls"), Token(section, "sep"));
                return new([cls, s_first, sep], [cls, s_first, sep, sep, s_second, sep]);
            case "TemplateProcessing":
                var tokens = section.Section("special_tokens");
                var processor = new PostProcessor(
                    [.. section.Sections("single").SelectMany(part => Template(part, tokens))], [.. section.Sections("pair").SelectMany(part => Template(part, tokens))]);
                return processor;
            default:
                throw section.Refused("type", "this post-processor is not supported");
        }
    }

    /// <summary>A pair of a token and its id.</summary>
    private static Part Token(StrictObject section, string key) =>
        section.Element(key) is { ValueKind: JsonValueKind.Array } pair && pair.GetArrayLength() == 2 && pair[1].ValueKind == JsonValueKind.Number && pair[1].TryGetInt32(out var id)
            ? new Part(id, false)
            : throw section.Refused(key, "a token and its id belong there");

    private static IEnumerable<Part> Template(StrictObject part, StrictObject? tokens)
    {
        if (part.Section("Sequence") is { } text)
            return [text.Choice("id", "", ("A", s_first), ("B", s_second))];
        var name = (part.Section("SpecialToken") ?? throw part.Refused("SpecialToken", "a token or a text belongs there")).Text("id");
        var ids = (tokens?.Section(name) ?? throw part.Refused("SpecialToken", "special_tokens lacks it")).Ints("ids");
        return ids.Select(id => new Part(id, false));
    }
}
