using Microsoft.ML.Tokenizers;

namespace ModelCompiler.Runtime.Tokenizers.Json.Models;

/// <summary>Byte-pair encoding of pieces in GPT-2's alphabet of bytes, by Microsoft.ML.Tokenizers.</summary>
internal sealed class ByteLevelModel : IPieceModel
{
    private readonly MergeTable _table;
    private readonly BpeTokenizer _encoder;

    public ByteLevelModel(MergeTable table)
    {
        _table = table;
        _encoder = BpeTokenizer.Create(new BpeOptions(table.Vocabulary) { Merges = table.Merges.Select(merge => $"{merge.Left} {merge.Right}") });
    }

    public IReadOnlyDictionary<string, int> Vocabulary => _table.Vocabulary;

    public void Encode(string piece, List<int> into)
    {
        if (_table.IgnoreMerges && _table.Vocabulary.TryGetValue(piece, out var whole))
            into.Add(whole);
        else
            into.AddRange(_encoder.EncodeToIds(piece, considerPreTokenization: false, considerNormalization: false));
    }
}
