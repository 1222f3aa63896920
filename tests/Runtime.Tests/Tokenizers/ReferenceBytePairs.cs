using System.Text;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Tests.Tokenizers;

/// <summary>Byte-pair encoding as its definition says, without any care for speed: the oracle.</summary>
internal static class ReferenceBytePairs
{
    public static List<string> Encode(BytePairModel model, string text)
    {
        var tokens = new List<string>();
        foreach (System.Text.RegularExpressions.Match word in Words.Pattern().Matches(text))
        {
            var parts = Split(word.Value);
            while (Rank(model, parts) is { } rank)
                parts = Merge(parts, model.Merges[rank]);
            tokens.AddRange(parts);
        }

        return tokens;
    }

    /// <summary>Counts all pairs anew before each merge.</summary>
    public static List<(string Left, string Right)> Train(string text, int merges)
    {
        var words = Words.Pattern().Matches(text).Select(word => Split(word.Value)).ToList();
        var ids = Enumerable.Range(0, 256).ToDictionary(b => ByteAlphabet.ToText([(byte)b]), b => b);
        var learned = new List<(string Left, string Right)>();
        while (learned.Count < merges)
        {
            var best = words
                .SelectMany(word => word.Zip(word.Skip(1)))
                .Where(pair => !ids.ContainsKey(pair.First + pair.Second))
                .GroupBy(pair => pair)
                .OrderByDescending(group => group.Count()).ThenBy(group => ids[group.Key.First]).ThenBy(group => ids[group.Key.Second])
                .First().Key;
            ids.Add(best.First + best.Second, ids.Count);
            learned.Add(best);
            words = words.ConvertAll(word => Merge(word, best));
        }

        return learned;
    }

    private static List<string> Split(string word) => [.. Encoding.UTF8.GetBytes(word).Select(b => ByteAlphabet.ToText([b]))];

    private static int? Rank(BytePairModel model, List<string> parts)
    {
        var ranks = parts.Zip(parts.Skip(1), (left, right) => model.Merges.ToList().IndexOf((left, right))).Where(rank => rank >= 0);
        return ranks.Any() ? ranks.Min() : null;
    }

    private static List<string> Merge(List<string> parts, (string Left, string Right) pair)
    {
        var merged = new List<string>();
        for (var i = 0; i < parts.Count; i++)
        {
            if (i + 1 < parts.Count && (parts[i], parts[i + 1]) == pair)
                merged.Add(parts[i] + parts[++i]);
            else
                merged.Add(parts[i]);
        }

        return merged;
    }
}
