using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Tokenizers.Json;

namespace ModelCompiler.Runtime.Tokenizers;

/// <summary>Our own tokenizers as tokenizer.json: byte-pair encodings over bytes.</summary>
internal static class TokenizerJson
{
    // Readable in an editor; the files are never put into a web page.
    public static JsonSerializerOptions Options { get; } = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="folder">Made if it does not exist.</param>
    /// <param name="tokens">By id, in GPT-2's alphabet of bytes.</param>
    /// <param name="merges">The first to be merged first; with none, each byte is a token.</param>
    /// <param name="endOfText">The token that ends a document, which no text becomes; null for the zero byte.</param>
    /// <param name="special">Tokens beside these, of an encoder; null for none.</param>
    public static void Write(
        string folder, IReadOnlyList<string> tokens, IReadOnlyList<(string Left, string Right)> merges, string? endOfText, SpecialTokens? special)
    {
        JsonObject ByteLevel() => new()
        {
            ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = merges.Count > 0,
        };
        var vocabulary = tokens.Select((token, id) => (Token: token, Id: id)).ToList();
        var named = special?.Named.Select(token => (Token: token.Text, token.Id)).ToArray() ?? [];
        var added = vocabulary.Where(entry => entry.Token == endOfText).Concat(named).Select(entry => (JsonNode)new JsonObject
        {
            ["id"] = entry.Id, ["content"] = entry.Token, ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false, ["normalized"] = false, ["special"] = true,
        });

        var json = new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([.. added]),
            ["normalizer"] = null,
            ["pre_tokenizer"] = ByteLevel(),
            ["post_processor"] = null,
            ["decoder"] = ByteLevel(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = null,
                ["end_of_word_suffix"] = null,
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["ignore_merges"] = false,
                ["vocab"] = new JsonObject(vocabulary.Concat(named).Select(entry => KeyValuePair.Create(entry.Token, (JsonNode?)entry.Id))),
                ["merges"] = new JsonArray([.. merges.Select(merge => (JsonNode)$"{merge.Left} {merge.Right}")]),
            },
        };
        AtomicFile.WriteText(Path.Combine(folder, JsonTokenizer.FileName), json.ToJsonString(Options).ReplaceLineEndings("\n") + "\n");
        TextTokenizer.SaveConfig(folder, "PreTrainedTokenizerFast", endOfText ?? ByteAlphabet.ToText([0]), special);
    }
}
