using System.Text.Json;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Tokenizers.Json.Models;

/// <summary>A byte-pair encoding as tokenizer.json describes it (Sennrich et al. 2016).</summary>
/// <param name="Vocabulary">Token ids by their text.</param>
/// <param name="Merges">Pairs of tokens, the first to be merged first.</param>
/// <param name="Unknown">The token for what has none.</param>
/// <param name="FuseUnknown">Whether neighbours without a token share one.</param>
/// <param name="ByteFallback">Whether what has no token becomes <c>&lt;0x00&gt;</c> to <c>&lt;0xFF&gt;</c>.</param>
/// <param name="IgnoreMerges">Whether a piece that is a token needs no merges.</param>
/// <param name="Prefix">Stands before the characters of a word but for the first.</param>
/// <param name="Suffix">Stands after the last character of a word.</param>
internal sealed record MergeTable(
    Dictionary<string, int> Vocabulary,
    IReadOnlyList<(string Left, string Right)> Merges,
    int? Unknown,
    bool FuseUnknown,
    bool ByteFallback,
    bool IgnoreMerges,
    string Prefix,
    string Suffix)
{
    public static MergeTable Read(StrictObject section)
    {
        section.ExpectNone("dropout");
        var (vocabulary, prefix) = (ModelTable.ReadVocabulary(section), section.OptionalText("continuing_subword_prefix") ?? "");
        return new MergeTable(
            vocabulary,
            ReadMerges(section, vocabulary, prefix),
            ModelTable.Find(section, "unk_token", vocabulary),
            section.Flag("fuse_unk", false),
            section.Flag("byte_fallback", false),
            section.Flag("ignore_merges", false),
            prefix,
            section.OptionalText("end_of_word_suffix") ?? "");
    }

    /// <summary>Over bytes every piece has tokens, which is what Microsoft.ML.Tokenizers expects; the rest is ours.</summary>
    public IPieceModel Model(bool byteLevel) =>
        byteLevel && Prefix.Length + Suffix.Length == 0 && Enumerable.Range(0, 256).All(b => Vocabulary.ContainsKey(ByteAlphabet.ToText([(byte)b])))
            ? new ByteLevelModel(this)
            : new CharacterPairModel(this);

    /// <summary>What two tokens become.</summary>
    public string Merge((string Left, string Right) pair) => Merge(pair.Left, pair.Right, Prefix);

    private static string Merge(string left, string right, string prefix) =>
        left + (prefix.Length > 0 && right.StartsWith(prefix, StringComparison.Ordinal) ? right[prefix.Length..] : right);

    private static List<(string Left, string Right)> ReadMerges(StrictObject section, Dictionary<string, int> vocabulary, string prefix)
    {
        if (section.Element("merges") is not { ValueKind: JsonValueKind.Array } list)
            throw section.Refused("merges", "a list of pairs belongs there");
        var merges = new List<(string Left, string Right)>(list.GetArrayLength());
        foreach (var item in list.EnumerateArray())
        {
            var parts = item.ValueKind switch
            {
                JsonValueKind.String => item.GetString()!.Split(' '),
                JsonValueKind.Array when item.EnumerateArray().All(part => part.ValueKind == JsonValueKind.String) => [.. item.EnumerateArray().Select(part => part.GetString()!)],
                _ => [],
            };
            if (parts is not [var left, var right] || !vocabulary.ContainsKey(left) || !vocabulary.ContainsKey(right))
                throw section.Refused("merges", $"{item.GetRawText()} is no pair of tokens");
            if (Merge(left, right, prefix) is var merged && !vocabulary.ContainsKey(merged))
                throw section.Refused("merges", $"{item.GetRawText()} become '{merged}', which is no token");
            merges.Add((left, right));
        }

        return merges;
    }
}
