using System.Text;

namespace ModelCompiler.Runtime.Tests.Tokenizers.Json;

/// <summary>The models by their definitions, without any care for speed: the oracle.</summary>
internal static class NaiveModels
{
    /// <summary>Merges the neighbours of the lowest rank, one pair at a time.</summary>
    public static List<string> Merge(IEnumerable<string> symbols, IReadOnlyDictionary<(string Left, string Right), int> ranks)
    {
        var parts = symbols.ToList();
        while (true)
        {
            var best = parts.Zip(parts.Skip(1)).Select((pair, place) => (Rank: ranks.GetValueOrDefault(pair, -1), Place: place)).Where(found => found.Rank >= 0).Order().ToList();
            if (best.Count == 0)
                return parts;
            var place = best[0].Place;
            parts[place] += parts[place + 1];
            parts.RemoveAt(place + 1);
        }
    }

    /// <summary>The longest token that begins the word, then the longest with ## that goes on.</summary>
    public static List<string> WordPiece(string word, IReadOnlyCollection<string> vocabulary)
    {
        var (parts, rest) = (new List<string>(), word);
        while (rest.Length > 0)
        {
            var prefix = parts.Count > 0 ? "##" : "";
            var length = Enumerable.Range(1, rest.Length).Reverse().FirstOrDefault(n => vocabulary.Contains(prefix + rest[..n]));
            if (length == 0)
                return ["[UNK]"];
            parts.Add(prefix + rest[..length]);
            rest = rest[length..];
        }

        return parts;
    }

    /// <summary>The best of all ways to cut the text; null marks a character without a token.</summary>
    public static List<string?> Unigram(string text, IReadOnlyDictionary<string, double> scores)
    {
        var unknown = scores.Values.Min() - 10;
        (double Score, List<(string Text, bool Known)> Parts) Best(string rest)
        {
            if (rest.Length == 0)
                return (0, []);
            var first = rest.EnumerateRunes().First().ToString();
            var ways = Enumerable.Range(1, rest.Length).Select(n => rest[..n]).Where(scores.ContainsKey).Select(token => (Text: token, Score: scores[token], Known: true)).ToList();
            if (!scores.ContainsKey(first))
                ways.Add((first, unknown, false));
            return ways.Select(way =>
            {
                var (score, parts) = Best(rest[way.Text.Length..]);
                return (way.Score + score, parts.Prepend((way.Text, way.Known)).ToList());
            }).MaxBy(way => way.Item1);
        }

        var tokens = new List<string?>();
        foreach (var (part, known) in Best(text).Parts)
        {
            if (known)
                tokens.Add(part);
            else if (tokens is not [.., null])
                tokens.Add(null);
        }

        return tokens;
    }

    /// <summary>BERT's basic tokenization (Devlin et al. 2018) of a text in lower case without accents.</summary>
    public static List<string> BertWords(string text)
    {
        var spaced = new StringBuilder();
        foreach (var rune in text.Normalize(NormalizationForm.FormD).EnumerateRunes())
        {
            var category = Rune.GetUnicodeCategory(rune);
            if (rune.Value is '\t' or '\n' or '\r' || Rune.IsWhiteSpace(rune))
                spaced.Append(' ');
            else if (rune.Value is 0 or 0xFFFD || category.ToString() is "Control" or "Format" or "PrivateUse" or "NonSpacingMark")
                continue;
            else if (category.ToString().EndsWith("Punctuation", StringComparison.Ordinal) || (rune.IsAscii && "$+<=>^`|~".Contains((char)rune.Value)) || IsChinese(rune.Value))
                spaced.Append($" {rune} ");
            else
                spaced.Append(rune.ToString());
        }

        return [.. spaced.ToString().ToLowerInvariant().Split(' ', StringSplitOptions.RemoveEmptyEntries)];
    }

    public static Dictionary<(string Left, string Right), int> Ranks(IReadOnlyList<(string Left, string Right)> merges) =>
        merges.Select((merge, rank) => (merge, rank)).ToDictionary(pair => pair.merge, pair => pair.rank);

    /// <summary>The ranges of BERT's own tokenizer as the library tokenizers has them.</summary>
    private static bool IsChinese(int c) => new (int First, int Last)[]
    {
        (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
    }.Any(range => c >= range.First && c <= range.Last);
}
