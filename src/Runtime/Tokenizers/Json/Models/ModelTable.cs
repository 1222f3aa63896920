using System.Text.Json;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Tokenizers.Json.Models;

/// <summary>The models of tokenizer.json.</summary>
internal static class ModelTable
{
    /// <param name="section">Of <c>model</c>.</param>
    /// <param name="byteLevel">Whether pieces come in GPT-2's alphabet of bytes.</param>
    public static IPieceModel Read(StrictObject section, bool byteLevel)
    {
        // Older files leave out the type; each model has a key of its own.
        var type = section.OptionalText("type") ?? (section.Has("merges") ? "BPE" : section.Has("unk_id") ? "Unigram" : "WordPiece");
        IPieceModel model = type switch
        {
            "BPE" => MergeTable.Read(section).Model(byteLevel),
            "WordPiece" => WordPieceModel.Read(section),
            "Unigram" => UnigramModel.Read(section),
            _ => throw section.Refused("type", "only BPE, WordPiece and Unigram are supported"),
        };
        section.Finish();
        return model;
    }

    /// <summary>The vocabulary of a section: an object of ids by token.</summary>
    internal static Dictionary<string, int> ReadVocabulary(StrictObject section)
    {
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        if (section.Element("vocab") is not { ValueKind: JsonValueKind.Object } tokens)
            throw section.Refused("vocab", "an object of ids by token belongs there");
        foreach (var token in tokens.EnumerateObject())
        {
            if (token.Value.ValueKind != JsonValueKind.Number || !token.Value.TryGetInt32(out var id) || id < 0 || !vocabulary.TryAdd(token.Name, id))
                throw section.Refused("vocab", $"its token '{token.Name}' has no id, or two");
        }

        return vocabulary;
    }

    /// <summary>The id of a token that the vocabulary must have; null if none is named.</summary>
    internal static int? Find(StrictObject section, string key, Dictionary<string, int> vocabulary) => section.OptionalText(key) is not { } token ? null
        : vocabulary.TryGetValue(token, out var id) ? id
        : throw section.Refused(key, "the vocabulary lacks it");
}
