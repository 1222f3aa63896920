using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Tokenizers;

/// <summary>
/// The tokens and merges of a byte-level byte-pair encoding, in GPT-2's files: <c>vocab.json</c> maps each token, written
/// in <see cref="ByteAlphabet"/>, to its id; <c>merges.txt</c> has one pair a line, the most frequent first.
/// </summary>
/// <param name="Tokens">Tokens by id: the 256 bytes, the merged tokens in the order of their merges, the end of text.</param>
/// <param name="Merges">Pairs of tokens.</param>
public sealed record BytePairModel(IReadOnlyList<string> Tokens, IReadOnlyList<(string Left, string Right)> Merges)
{
    public const string EndOfText = "<|endoftext|>";
    public const string VocabularyFile = "vocab.json";
    public const string MergesFile = "merges.txt";
    private const string MergesHeader = "#version: 0.2";

    // Readable in an editor; the files are never put into a web page.
    private static readonly JsonSerializerOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public string VocabularyJson() =>
        JsonSerializer.Serialize(Tokens.Select((token, id) => KeyValuePair.Create(token, id)).ToDictionary(), s_json) + "\n";

    public string MergesText()
    {
        var text = new StringBuilder(MergesHeader + "\n");
        foreach (var (left, right) in Merges)
            text.Append(left).Append(' ').Append(right).Append('\n');
        return text.ToString();
    }

    /// <summary>SHA-256 of both files.</summary>
    public string Hash() => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(VocabularyJson() + "\n" + MergesText())));

    public void Save(string folder)
    {
        AtomicFile.WriteText(Path.Combine(folder, VocabularyFile), VocabularyJson());
        AtomicFile.WriteText(Path.Combine(folder, MergesFile), MergesText());
    }

    /// <exception cref="DataException">A file is missing or damaged.</exception>
    public static BytePairModel Load(string folder)
    {
        var vocabularyPath = Path.Combine(folder, VocabularyFile);
        var mergesPath = Path.Combine(folder, MergesFile);
        try
        {
            var ids = JsonSerializer.Deserialize<Dictionary<string, int>>(File.ReadAllBytes(vocabularyPath)) ?? [];
            var tokens = ids.OrderBy(token => token.Value).Select(token => token.Key).ToArray();
            Check(vocabularyPath, ids, tokens);
            return new BytePairModel(tokens, [.. ReadMerges(mergesPath, ids)]);
        }
        catch (Exception e) when (e is (IOException and not DataException) or UnauthorizedAccessException or JsonException)
        {
            throw new DataException($"The tokenizer in '{folder}' cannot be read ({e.Message}). Train or copy it again.", e);
        }
    }

    private static void Check(string path, Dictionary<string, int> ids, string[] tokens)
    {
        if (tokens.Where((token, id) => ids[token] != id).Any())
            throw new DataException($"{path}: the ids are not 0 to {tokens.Length - 1}, each once. Train or copy the tokenizer again.");
        var missing = Enumerable.Range(0, 256).Select(b => ByteAlphabet.ToText([(byte)b])).Append(EndOfText).Where(token => !ids.ContainsKey(token)).ToArray();
        if (missing.Length > 0)
            throw new DataException($"{path} lacks the tokens {string.Join(' ', missing.Take(5))}; it is not a byte-level vocabulary with {EndOfText}.");
        if (tokens.FirstOrDefault(token => token != EndOfText && ByteAlphabet.ToBytes(token) is null) is { } odd)
            throw new DataException($"{path}: the token '{odd}' is not written in GPT-2's byte alphabet.");
    }

    private static IEnumerable<(string Left, string Right)> ReadMerges(string path, Dictionary<string, int> ids)
    {
        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (line.Length == 0 || (number == 1 && line.StartsWith("#version", StringComparison.Ordinal)))
                continue;
            var parts = line.Split(' ');
            if (parts is not [var left, var right] || !ids.ContainsKey(left) || !ids.ContainsKey(right) || !ids.ContainsKey(left + right))
                throw new DataException($"{path}, line {number}: '{line}' is not a merge of two tokens of {VocabularyFile} into a third.");
            yield return (left, right);
        }
    }
}
