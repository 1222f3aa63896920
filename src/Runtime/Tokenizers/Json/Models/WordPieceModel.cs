using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Tokenizers.Json.Models;

/// <summary>WordPiece (Wu et al. 2016): the longest token that begins the word, then the longest that goes on, to its end.</summary>
internal sealed class WordPieceModel(Dictionary<string, int> vocabulary, int unknown, string prefix, int longest) : IPieceModel
{
    private readonly int _longestToken = vocabulary.Keys.Max(token => token.Length);

    public IReadOnlyDictionary<string, int> Vocabulary => vocabulary;

    public static WordPieceModel Read(StrictObject section)
    {
        var vocabulary = ModelTable.ReadVocabulary(section);
        return new WordPieceModel(
            vocabulary,
            ModelTable.Find(section, "unk_token", vocabulary) ?? throw section.Refused("unk_token", "the token for unknown words belongs there"),
            section.OptionalText("continuing_subword_prefix") ?? "##",
            section.OptionalInt("max_input_chars_per_word") ?? 100);
    }

    public void Encode(string piece, List<int> into)
    {
        var before = into.Count;
        var whole = piece.EnumerateRunes().Count() <= longest;
        for (var start = 0; whole && start < piece.Length;)
        {
            var length = Math.Min(piece.Length - start, _longestToken);
            for (; length > 0; length--)
            {
                if (vocabulary.TryGetValue((start > 0 ? prefix : "") + piece.Substring(start, length), out var token))
                {
                    into.Add(token);
                    break;
                }
            }

            whole = length > 0;
            start += length;
        }

        if (whole)
            return;
        into.RemoveRange(before, into.Count - before);
        into.Add(unknown);
    }
}
