namespace ModelCompiler.Runtime.Tokenizers.Json.Models;

/// <summary>
/// Byte-pair encoding of characters: Llama 2's, with tokens for bytes where a character has none, and those whose words are marked
/// at their start or end. A piece can be a whole text, so merges are found by a queue, in n log n.
/// </summary>
internal sealed class CharacterPairModel : IPieceModel
{
    private readonly MergeTable _table;
    private readonly Dictionary<(int Left, int Right), (int Rank, int Token)> _merges = [];

    public CharacterPairModel(MergeTable table)
    {
        _table = table;
        for (var rank = 0; rank < table.Merges.Count; rank++)
        {
            var (left, right) = table.Merges[rank];
            var merged = table.Merge((left, right));
            if (!table.Vocabulary.TryGetValue(merged, out var token))
                throw new Data.DataException($"The tokenizer's merge of '{left}' and '{right}' gives '{merged}', which its vocabulary lacks. Download tokenizer.json again.");
            _merges.TryAdd((table.Vocabulary[left], table.Vocabulary[right]), (rank, token));
        }
    }

    public IReadOnlyDictionary<string, int> Vocabulary => _table.Vocabulary;

    public void Encode(string piece, List<int> into)
    {
        if (_table.IgnoreMerges && _table.Vocabulary.TryGetValue(piece, out var whole))
            into.Add(whole);
        else
            Merge(Symbols(piece), into);
    }

    /// <summary>The tokens of single characters.</summary>
    private List<int> Symbols(string piece)
    {
        var symbols = new List<int>(piece.Length);
        var (place, unknown) = (0, false);
        foreach (var rune in piece.EnumerateRunes())
        {
            var start = place;
            place += rune.Utf16SequenceLength;
            var text = (start > 0 ? _table.Prefix : "") + rune + (place == piece.Length ? _table.Suffix : "");
            if (_table.Vocabulary.TryGetValue(text, out var token))
                symbols.Add(token);
            else if (_table.ByteFallback && ByteTokens.Find(text, _table.Vocabulary) is { } bytes)
                symbols.AddRange(bytes);
            else if (_table.Unknown is { } none)
            {
                if (!(unknown && _table.FuseUnknown))
                    symbols.Add(none);
                unknown = true;
                continue;
            }

            unknown = false;
        }

        return symbols;
    }

    /// <summary>Merges pairs in the order of their rank, the leftmost of equals first.</summary>
    private void Merge(List<int> symbols, List<int> into)
    {
        var count = symbols.Count;
        var (next, previous) = (new int[count], new int[count]);
        var queue = new PriorityQueue<(int Place, int Left, int Right, int Token), (int Rank, int Place)>();
        for (var i = 0; i < count; i++)
            (next[i], previous[i]) = (i + 1, i - 1);
        for (var i = 0; i + 1 < count; i++)
            Offer(i);

        const int Gone = -1;
        while (queue.TryDequeue(out var merge, out _))
        {
            var (place, right) = (merge.Place, next[merge.Place]);
            if (symbols[place] != merge.Left || right >= count || symbols[right] != merge.Right)
                continue; // an earlier merge took one of the two
            symbols[place] = merge.Token;
            symbols[right] = Gone;
            next[place] = next[right];
            if (next[place] < count)
            {
                previous[next[place]] = place;
                Offer(place);
            }

            if (previous[place] >= 0)
                Offer(previous[place]);
        }

        into.AddRange(symbols.Where(symbol => symbol != Gone));

        void Offer(int place)
        {
            var pair = (symbols[place], symbols[next[place]]);
            if (_merges.TryGetValue(pair, out var found))
                queue.Enqueue((place, pair.Item1, pair.Item2, found.Token), (found.Rank, place));
        }
    }
}
