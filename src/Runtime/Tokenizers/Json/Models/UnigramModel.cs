using System.Text.Json;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Tokenizers.Json.Models;

/// <summary>
/// The unigram language model (Kudo 2018): of all ways to write a piece as tokens, the one with the highest sum of log
/// probabilities, by Viterbi's algorithm. A character without a token costs 10 more than the least probable token.
/// </summary>
internal sealed class UnigramModel : IPieceModel
{
    private const double UnknownPenalty = 10;

    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _find;
    private readonly double[] _scores;
    private readonly int? _unknown;
    private readonly bool _byteFallback;
    private readonly int _longest;

    private UnigramModel(StrictObject section)
    {
        if (section.Element("vocab") is not { ValueKind: JsonValueKind.Array } list)
            throw section.Refused("vocab", "a list of tokens with their log probabilities belongs there");
        _scores = new double[list.GetArrayLength()];
        foreach (var (item, id) in list.EnumerateArray().Select((item, id) => (item, id)))
        {
            if (item.ValueKind != JsonValueKind.Array || item.GetArrayLength() != 2 || item[0].ValueKind != JsonValueKind.String || item[1].ValueKind != JsonValueKind.Number)
                throw section.Refused("vocab", $"{item.GetRawText()} is no token with its log probability");
            _ids[item[0].GetString()!] = id;
            _scores[id] = item[1].GetDouble();
        }

        _unknown = section.OptionalInt("unk_id");
        if (_unknown is { } unknown && (uint)unknown >= _scores.Length)
            throw section.Refused("unk_id", $"there are {_scores.Length} tokens");
        _byteFallback = section.Flag("byte_fallback", false);
        _longest = _ids.Keys.Select(token => token.Length).DefaultIfEmpty(0).Max();
        _find = _ids.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    public IReadOnlyDictionary<string, int> Vocabulary => _ids;

    public static UnigramModel Read(StrictObject section) => new(section);

    public void Encode(string piece, List<int> into)
    {
        foreach (var (start, end) in Best(piece))
        {
            if (_find.TryGetValue(piece.AsSpan(start, end - start), out var token))
                into.Add(token);
            else if (_byteFallback && ByteTokens.Find(piece[start..end], _ids) is { } bytes)
                into.AddRange(bytes);
            else
                into.Add(_unknown ?? throw new Data.DataException($"The tokenizer has no token for '{piece[start..end]}' and none for unknown characters."));
        }
    }

    /// <summary>The parts of the best way; neighbours without a token are one part.</summary>
    private List<(int Start, int End)> Best(string piece)
    {
        var length = piece.Length;
        var (score, from, known) = (new double[length + 1], new int[length + 1], new bool[length + 1]);
        Array.Fill(from, -1);
        var unknownScore = _scores.DefaultIfEmpty(0).Min() - UnknownPenalty;
        for (var start = 0; start < length;)
        {
            var first = char.IsHighSurrogate(piece[start]) && start + 1 < length ? 2 : 1;
            var single = false;
            for (var size = 1; size <= _longest && start + size <= length; size++)
            {
                if (!_find.TryGetValue(piece.AsSpan(start, size), out var token))
                    continue;
                Offer(start, start + size, _scores[token], token != _unknown);
                single |= size == first;
            }

            if (!single)
                Offer(start, start + first, unknownScore, false);
            start += first;
        }

        var parts = new List<(int Start, int End)>();
        for (var end = length; end > 0; end = from[end])
        {
            if (!known[end] && parts.Count > 0 && parts[^1].Start == end && !known[parts[^1].End])
                parts[^1] = (from[end], parts[^1].End);
            else
                parts.Add((from[end], end));
        }

        parts.Reverse();
        return parts;

        void Offer(int start, int end, double gain, bool isKnown)
        {
            if (from[end] >= 0 && score[start] + gain <= score[end])
                return;
            (score[end], from[end], known[end]) = (score[start] + gain, start, isKnown);
        }
    }
}
