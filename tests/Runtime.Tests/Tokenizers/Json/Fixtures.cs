using System.Text.Json;
using System.Text.Json.Nodes;
using ModelCompiler.Runtime.Tokenizers;
using ModelCompiler.Runtime.Tokenizers.Json;

namespace ModelCompiler.Runtime.Tests.Tokenizers.Json;

/// <summary>Small tokenizers in the form of those of well-known models.</summary>
internal static class Fixtures
{
    public const string Llama3Pattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public const string Qwen2Pattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>Merges over bytes.</summary>
    public static BytePairModel Bytes { get; } = BytePairTrainer.Train([SampleText.English], 460);

    /// <summary>Scores of tokens over characters, in SentencePiece's form.</summary>
    public static Dictionary<string, double> Pieces { get; } = new[]
        {
            "<unk>", "</s>", "▁", "▁the", "▁th", "e", "the", "t", "h", "▁a", "a", "b", "ab", "aba", "▁ab", "ba", "i", "n", "ing", "in", "g", "s", "er", "r", "o", "▁o", "th", ",", ".", "1", "fi", "f",
        }
        .Select((token, i) => (token, Score: i < 2 ? 0 : -2 - (0.37 * (i * 7 % 23)) - (0.013 * i))).ToDictionary(pair => pair.token, pair => pair.Score);

    public static string Gpt2() => ByteLevel(Node("""{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true}"""), null, null, false, "<|endoftext|>");

    public static string Llama3() => ByteLevel(
        Node($$"""{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":{{JsonSerializer.Serialize(Llama3Pattern)}}},"behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}]}"""),
        null,
        Node("""{"type":"Sequence","processors":[{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":false,"use_regex":true},{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|begin_of_text|>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[{"SpecialToken":{"id":"<|begin_of_text|>","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"<|begin_of_text|>","type_id":1}},{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{"<|begin_of_text|>":{"id":"<|begin_of_text|>","ids":[460],"tokens":["<|begin_of_text|>"]}}}]}"""),
        true,
        "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>");

    public static string Qwen2() => ByteLevel(
        Node($$"""{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":{{JsonSerializer.Serialize(Qwen2Pattern)}}},"behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":false,"use_regex":false}]}"""),
        Node("""{"type":"NFC"}"""), null, false, "<|endoftext|>", "<|im_start|>", "<|im_end|>");

    /// <summary>Characters with bytes for what has no token.</summary>
    public static string Llama2(IReadOnlyList<string> tokens, IReadOnlyList<(string Left, string Right)> merges) => new JsonObject
    {
        ["version"] = "1.0",
        ["added_tokens"] = new JsonArray(Special(0, "<unk>"), Special(1, "<s>"), Special(2, "</s>")),
        ["normalizer"] = Node("""{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}"""),
        ["pre_tokenizer"] = null,
        ["post_processor"] = Node("""{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{"<s>":{"id":"<s>","ids":[1],"tokens":["<s>"]}}}"""),
        ["decoder"] = Node("""{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}"""),
        ["model"] = new JsonObject
        {
            ["type"] = "BPE", ["dropout"] = null, ["unk_token"] = "<unk>", ["continuing_subword_prefix"] = null, ["end_of_word_suffix"] = null,
            ["fuse_unk"] = true, ["byte_fallback"] = true, ["vocab"] = Vocabulary(tokens), ["merges"] = Pairs(merges),
        },
    }.ToJsonString();

    public static string Bert(IReadOnlyList<string> tokens) => new JsonObject
    {
        ["added_tokens"] = new JsonArray(Special(0, "[PAD]"), Special(1, "[UNK]"), Special(2, "[CLS]"), Special(3, "[SEP]"), Special(4, "[MASK]")),
        ["normalizer"] = Node("""{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}"""),
        ["pre_tokenizer"] = Node("""{"type":"BertPreTokenizer"}"""),
        ["post_processor"] = Node("""{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}}],"pair":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}},{"Sequence":{"id":"B","type_id":1}},{"SpecialToken":{"id":"[SEP]","type_id":1}}],"special_tokens":{"[CLS]":{"id":"[CLS]","ids":[2],"tokens":["[CLS]"]},"[SEP]":{"id":"[SEP]","ids":[3],"tokens":["[SEP]"]}}}"""),
        ["decoder"] = Node("""{"type":"WordPiece","prefix":"##","cleanup":true}"""),
        ["model"] = new JsonObject
        {
            ["type"] = "WordPiece", ["unk_token"] = "[UNK]", ["continuing_subword_prefix"] = "##", ["max_input_chars_per_word"] = 100, ["vocab"] = Vocabulary(tokens),
        },
    }.ToJsonString();

    public static string Albert() => new JsonObject
    {
        ["added_tokens"] = new JsonArray(Special(1, "</s>"), new JsonObject
        {
            ["id"] = Pieces.Count, ["content"] = "[MASK]", ["single_word"] = false, ["lstrip"] = true, ["rstrip"] = false, ["normalized"] = false, ["special"] = true,
        }),
        ["normalizer"] = new JsonObject
        {
            ["type"] = "Sequence",
            ["normalizers"] = new JsonArray(
                Node("""{"type":"Replace","pattern":{"String":"``"},"content":"\""}"""), Node("""{"type":"NFKD"}"""), Node("""{"type":"StripAccents"}"""), Node("""{"type":"Lowercase"}"""),
                new JsonObject
                {
                    ["type"] = "Precompiled",
                    ["precompiled_charsmap"] = CharacterMap.Build(new Dictionary<string, string> { ["\u3000"] = " ", ["\t"] = " ", ["œ"] = "oe", ["—"] = ",", ["👍🏽"] = "!", ["👍"] = "ab" }),
                },
                Node("""{"type":"Replace","pattern":{"Regex":" {2,}"},"content":" "}""")),
        },
        ["pre_tokenizer"] = Node("""{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}]}"""),
        ["post_processor"] = null,
        ["decoder"] = Node("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}"""),
        ["model"] = new JsonObject
        {
            ["type"] = "Unigram", ["unk_id"] = 0, ["byte_fallback"] = false, ["vocab"] = new JsonArray([.. Pieces.Select(piece => new JsonArray(piece.Key, piece.Value))]),
        },
    }.ToJsonString();

    /// <summary>Writes a tokenizer into a folder and loads it.</summary>
    public static JsonTokenizer Load(TemporaryFolder folder, string json, string? endOfText = null)
    {
        if (endOfText is not null)
            folder.Write("tokenizer_config.json", $$"""{"eos_token":"{{endOfText}}"}""");
        return JsonTokenizer.Load(folder.Write("tokenizer.json", json));
    }

    public static JsonNode Node(string json) => JsonNode.Parse(json)!;

    private static string ByteLevel(JsonNode preTokenizer, JsonNode? normalizer, JsonNode? postProcessor, bool ignoreMerges, params string[] special) => new JsonObject
    {
        ["version"] = "1.0",
        ["truncation"] = null,
        ["padding"] = null,
        ["added_tokens"] = new JsonArray([.. special.Select((token, i) => Special(token == BytePairModel.EndOfText ? 459 : 460 + i, token))]),
        ["normalizer"] = normalizer,
        ["pre_tokenizer"] = preTokenizer,
        ["post_processor"] = postProcessor,
        ["decoder"] = Node("""{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}"""),
        ["model"] = new JsonObject
        {
            ["type"] = "BPE", ["dropout"] = null, ["unk_token"] = null, ["continuing_subword_prefix"] = "", ["end_of_word_suffix"] = "", ["fuse_unk"] = false,
            ["byte_fallback"] = false, ["ignore_merges"] = ignoreMerges, ["vocab"] = Vocabulary([.. Bytes.Tokens]), ["merges"] = Pairs(Bytes.Merges),
        },
    }.ToJsonString();

    private static JsonObject Special(int id, string content) => new()
    {
        ["id"] = id, ["content"] = content, ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false, ["normalized"] = false, ["special"] = true,
    };

    private static JsonObject Vocabulary(IReadOnlyList<string> tokens) => new(tokens.Select((token, id) => KeyValuePair.Create(token, (JsonNode?)id)));

    private static JsonArray Pairs(IReadOnlyList<(string Left, string Right)> merges) => new([.. merges.Select((merge, i) => i % 2 == 0
        ? (JsonNode)$"{merge.Left} {merge.Right}"
        : new JsonArray(merge.Left, merge.Right))]);
}
