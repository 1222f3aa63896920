using System.Runtime.InteropServices;
using System.Text;
using ModelCompiler.Runtime.Data;

namespace ModelCompiler.Runtime.Tokenizers;

/// <summary>
/// Trains byte-level byte-pair encoding (Sennrich et al. 2016): starting from the 256 bytes, the most frequent pair of
/// adjacent tokens becomes a token, until the vocabulary has its size. Works on the distinct words of the text with
/// their counts; each merge visits only the words that have the pair. Ties go to the pair with the lowest ids, so the
/// same text gives the same tokens.
/// </summary>
public sealed class BytePairTrainer
{
    private readonly List<string> _tokens = [.. Enumerable.Range(0, 256).Select(b => ByteAlphabet.ToText([(byte)b]))];
    private readonly HashSet<string> _known;
    private readonly List<(string Left, string Right)> _merges = [];
    private readonly List<int[]> _words = [];
    private readonly List<long> _counts = [];
    private readonly Dictionary<Pair, PairStatistics> _pairs = [];
    private readonly PriorityQueue<Pair, Frequency> _queue = new();

    private BytePairTrainer(Dictionary<string, long> words)
    {
        _known = [.. _tokens];
        foreach (var (word, count) in words.OrderBy(word => word.Key, StringComparer.Ordinal))
        {
            _words.Add([.. Encoding.UTF8.GetBytes(word).Select(b => (int)b)]);
            _counts.Add(count);
        }
    }

    /// <summary>Trains on texts to exactly <paramref name="vocabulary"/> tokens: bytes, merges and the end of text.</summary>
    /// <exception cref="DataException">The vocabulary is too small for the bytes, or too large for the text.</exception>
    public static BytePairModel Train(IEnumerable<string> texts, int vocabulary, CancellationToken cancellation = default)
    {
        if (vocabulary < 257)
            throw new DataException($"Byte-pair encoding needs a vocabulary of at least 257 (256 bytes and the end of text), not {vocabulary}.");
        return new BytePairTrainer(CountWords(texts, cancellation)).Train(vocabulary, cancellation);
    }

    private static Dictionary<string, long> CountWords(IEnumerable<string> texts, CancellationToken cancellation)
    {
        var words = new Dictionary<string, long>(StringComparer.Ordinal);
        var bySpan = words.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var text in texts)
        {
            cancellation.ThrowIfCancellationRequested();
            foreach (var word in Words.Pattern().EnumerateMatches(text))
                CollectionsMarshal.GetValueRefOrAddDefault(bySpan, text.AsSpan(word.Index, word.Length), out _)++;
        }

        return words;
    }

    private BytePairModel Train(int vocabulary, CancellationToken cancellation)
    {
        for (var word = 0; word < _words.Count; word++)
        {
            for (var i = 1; i < _words[word].Length; i++)
            {
                var pair = new Pair(_words[word][i - 1], _words[word][i]);
                Find(pair).Count += _counts[word];
                Find(pair).AddWord(word);
            }
        }

        foreach (var (pair, statistics) in _pairs)
            _queue.Enqueue(pair, new Frequency(statistics.Count, pair));

        while (_tokens.Count < vocabulary - 1)
        {
            cancellation.ThrowIfCancellationRequested();
            if (!TryTakeMostFrequent(out var pair))
            {
                throw new DataException(
                    $"The training text yields only {_tokens.Count + 1} tokens, {vocabulary} are declared. "
                    + $"Set architecture.vocabulary to {_tokens.Count + 1} or less, or give more text.");
            }

            Merge(pair);
        }

        return new BytePairModel([.. _tokens, BytePairModel.EndOfText], _merges);
    }

    /// <summary>
    /// Counts only fall while a pair waits in the queue, so an outdated entry is put back where it belongs now. A pair whose
    /// bytes are a token already (a+aa after aa+a) is passed over: each token has one merge.
    /// </summary>
    private bool TryTakeMostFrequent(out Pair pair)
    {
        while (_queue.TryDequeue(out pair, out var frequency))
        {
            var count = _pairs[pair].Count;
            if (count == frequency.Count && count > 0 && !_known.Contains(_tokens[pair.Left] + _tokens[pair.Right]))
                return true;
            if (count < frequency.Count && count > 0)
                _queue.Enqueue(pair, new Frequency(count, pair));
        }

        return false;
    }

    private void Merge(Pair pair)
    {
        var token = _tokens.Count;
        _merges.Add((_tokens[pair.Left], _tokens[pair.Right]));
        _tokens.Add(_tokens[pair.Left] + _tokens[pair.Right]);
        _known.Add(_tokens[token]);

        var words = _pairs[pair].Words;
        _pairs.Remove(pair);
        var created = new HashSet<Pair>();
        foreach (var word in words)
            MergeIn(word, pair, token, created);
        foreach (var next in created)
        {
            if (_pairs[next].Count > 0)
                _queue.Enqueue(next, new Frequency(_pairs[next].Count, next));
        }
    }

    /// <summary>Replaces the pair in one word, from left to right, and brings the counts of the pairs around it up to date.</summary>
    private void MergeIn(int word, Pair pair, int token, HashSet<Pair> created)
    {
        var old = _words[word];
        var merged = new int[old.Length];
        var length = 0;
        for (var i = 0; i < old.Length; i++)
        {
            var matches = i + 1 < old.Length && old[i] == pair.Left && old[i + 1] == pair.Right;
            merged[length++] = matches ? token : old[i];
            i += matches ? 1 : 0;
        }

        if (length == old.Length)
            return; // an earlier merge took the pair out of this word

        for (var i = 1; i < old.Length; i++)
        {
            if (new Pair(old[i - 1], old[i]) is var gone && gone != pair)
                Find(gone).Count -= _counts[word];
        }

        _words[word] = merged[..length];
        for (var i = 1; i < length; i++)
        {
            var next = new Pair(merged[i - 1], merged[i]);
            Find(next).Count += _counts[word];
            if (next.Left != token && next.Right != token)
                continue;
            Find(next).AddWord(word);
            created.Add(next);
        }
    }

    private PairStatistics Find(Pair pair)
    {
        ref var statistics = ref CollectionsMarshal.GetValueRefOrAddDefault(_pairs, pair, out _);
        return statistics ??= new PairStatistics();
    }

    private readonly record struct Pair(int Left, int Right);

    private sealed class PairStatistics
    {
        public long Count;

        /// <summary>Words that have, or once had, the pair, each once.</summary>
        public List<int> Words { get; } = [];

        /// <summary>Words are visited in order, so a word that has the pair twice was the last to be added.</summary>
        public void AddWord(int word)
        {
            if (Words is not [.., var last] || last != word)
                Words.Add(word);
        }
    }

    /// <summary>Orders the most frequent pair first, then the one with the lowest ids.</summary>
    private readonly record struct Frequency(long Count, Pair Pair) : IComparable<Frequency>
    {
        public int CompareTo(Frequency other)
        {
            if (Count != other.Count)
                return other.Count.CompareTo(Count);
            return Pair.Left != other.Pair.Left ? Pair.Left.CompareTo(other.Pair.Left) : Pair.Right.CompareTo(other.Pair.Right);
        }
    }
}
