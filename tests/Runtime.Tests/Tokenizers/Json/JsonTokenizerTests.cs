using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Tokenizers;
using ModelCompiler.Runtime.Tokenizers.Json;

namespace ModelCompiler.Runtime.Tests.Tokenizers.Json;

/// <summary>Token by token against the definitions, over real text and any UTF-16.</summary>
public sealed class JsonTokenizerTests : IDisposable
{
    private static readonly string[] s_llamaTokens = LlamaTokens();

    private static readonly (string Left, string Right)[] s_llamaMerges =
        [("t", "h"), ("th", "e"), ("▁", "the"), ("a", "b"), ("▁", "a"), ("i", "n"), ("in", "g"), ("ab", "a"), ("▁", "t"), ("e", "r"), ("▁a", "b"), ("▁", "▁"), ("▁▁", "▁▁")];

    private static readonly string[] s_bertTokens =
    [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "dog", "##s", "'", "s", ",", ".", "in", "##ing", "th", "##e", "##ink", "t", "##h", "##i", "##n", "##k", "it", "o", "##v", "##er",
        "-", "1", "##9", "##8", "##4", "deja", "vu", "na", "##ive", "größe", "日", "本", "語", "\"", "$", "=", "!",
    ];

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Gpt2() => BytePairs(Fixtures.Gpt2(), NaiveWords.Gpt2, text => text, wholeWords: false, ["<|endoftext|>"]);

    [Fact]
    public void Llama3() => BytePairs(Fixtures.Llama3(), NaiveWords.Llama3, text => text, wholeWords: true, ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"]);

    [Fact]
    public void Qwen2() => BytePairs(Fixtures.Qwen2(), NaiveWords.Qwen2, text => text.Normalize(NormalizationForm.FormC), wholeWords: false, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]);

    [Fact]
    public void Llama2()
    {
        var tokenizer = Fixtures.Load(_folder, Fixtures.Llama2(s_llamaTokens, s_llamaMerges));
        Gen.OneOf(SampleText.Any, Gen.OneOf([.. new[] { "the ", "thing", " ab", "aba", "    ", "é" }.Select(Gen.Const)]).Array[0, 12].Select(string.Concat)).Sample(
            text =>
            {
                text = SampleText.Valid(text);
                var symbols = text.Length == 0 ? [] : ("▁" + text.Replace(' ', '▁')).EnumerateRunes().SelectMany(rune => s_llamaTokens.Contains(rune.ToString())
                    ? [rune.ToString()]
                    : Encoding.UTF8.GetBytes(rune.ToString()).Select(b => $"<0x{b:X2}>"));
                Assert.Equal(NaiveModels.Merge(symbols, NaiveModels.Ranks(s_llamaMerges)), Texts(tokenizer, tokenizer.Encode(text)));
                Assert.Equal(text.Length == 0 ? "" : " " + text.Replace('▁', ' '), tokenizer.Decode(tokenizer.Encode(text).ToArray()));
            },
            iter: 200, threads: 1);
        Assert.Equal(["<s>", "▁the", "</s>", "▁", "th"], Texts(tokenizer, tokenizer.EncodeWithSpecialTokens("the</s>th")));
        Assert.Equal((1, 2), (tokenizer.StartOfText, tokenizer.EndOfText));
    }

    [Fact]
    public void A_long_text_without_words_is_merged_in_reasonable_time()
    {
        var tokenizer = Fixtures.Load(_folder, Fixtures.Llama2(s_llamaTokens, s_llamaMerges));
        var text = string.Concat(Enumerable.Repeat("the thing ab ", 20_000));
        Assert.Equal(" " + text, tokenizer.Decode(tokenizer.Encode(text).ToArray()));
    }

    [Fact]
    public void Bert()
    {
        var tokenizer = Fixtures.Load(_folder, Fixtures.Bert(s_bertTokens));
        SampleText.Any.Sample(
            text =>
            {
                text = SampleText.Valid(text);
                var expected = NaiveModels.BertWords(text).SelectMany(word => word.Length > 100 ? ["[UNK]"] : NaiveModels.WordPiece(word, s_bertTokens));
                Assert.Equal(expected, Texts(tokenizer, tokenizer.Encode(text)));
            },
            iter: 300, threads: 1);
        Assert.Equal(["[CLS]", "deja", "vu", ",", "na", "##ive", "[SEP]"], Texts(tokenizer, tokenizer.EncodeWithSpecialTokens("Déjà vu, naïve")));
        Assert.Equal(
            ["[CLS]", "the", "[MASK]", "[SEP]", "日", "本", "[SEP]"], Texts(tokenizer, tokenizer.EncodeWithSpecialTokens("The [MASK]", "日本")));
        Assert.Equal(" the dogs", tokenizer.Decode(tokenizer.Encode("the dogs").ToArray()));
        Assert.Equal((2, 3), (tokenizer.StartOfText, tokenizer.EndOfText));
    }

    [Fact]
    public void Albert()
    {
        var tokenizer = Fixtures.Load(_folder, Fixtures.Albert());
        Gen.OneOf([.. new[] { "the", "thing", " ", "  ", "ab", "aba", "ing", "z", "q", "other", ",", "1", "e", "İ", "É" }.Select(Gen.Const)]).Array[0, 7].Select(string.Concat).Sample(
            text =>
            {
                var plain = string.Concat(text.Normalize(NormalizationForm.FormKD).Where(c => c is not ('\u0301' or '\u0307'))).ToLowerInvariant();
                var expected = plain.Split(' ', StringSplitOptions.RemoveEmptyEntries).SelectMany(word => NaiveModels.Unigram("▁" + word, Fixtures.Pieces).Select(token => token ?? "<unk>"));
                Assert.Equal(expected, Texts(tokenizer, tokenizer.Encode(text)));
            },
            iter: 200, threads: 1);
    }

    [Theory]
    [InlineData("ﬁ", "▁", "fi")]
    [InlineData("a\u3000b\tœ", "▁a", "▁", "b", "▁o", "e")]
    [InlineData("a—b", "▁a", ",", "b")]
    [InlineData("👍", "▁ab")]
    [InlineData("👍🏽", "▁ab", "<unk>")]
    [InlineData("the [MASK] th", "▁the", "[MASK]", "▁th")]
    public void Albert_normalizes_by_its_table(string text, params string[] tokens)
    {
        var tokenizer = Fixtures.Load(_folder, Fixtures.Albert());
        Assert.Equal(tokens, Texts(tokenizer, tokenizer.Encode(text)));
    }

    [Theory]
    [InlineData("single_word", "xab ab", "xab ", "[ab]")]
    [InlineData("lstrip", "x  ab y", "x", "[  ab]", " y")]
    [InlineData("rstrip", "x ab  y", "x ", "[ab  ]", "y")]
    [InlineData("", "aab", "a", "[ab]")]
    [InlineData("", "abc", "[abc]")]
    public void Added_tokens_are_found_as_they_ask_for(string option, string text, params string[] parts)
    {
        AddedToken Token(string content) => new(0, content, option == "single_word", option == "lstrip", option == "rstrip", false, false);
        var tokens = new AddedTokens([Token("ab"), Token("abc")], content => content);
        Assert.Equal(parts, tokens.Split(text).Select(part => part.Token is null ? part.Text : $"[{part.Text}]"));
    }

    [Fact]
    public void It_is_saved_and_loaded_with_its_folder()
    {
        foreach (var (json, end) in new[] { (Fixtures.Gpt2(), null), (Fixtures.Llama3(), "<|eot_id|>"), (Fixtures.Bert(s_bertTokens), null), (Fixtures.Albert(), null) })
        {
            File.Delete(_folder["tokenizer_config.json"]);
            var tokenizer = Fixtures.Load(_folder, json, end);
            Assert.True(end is null || end == tokenizer.TokenText(tokenizer.EndOfText));
            tokenizer.Save(_folder["saved"]);
            var loaded = TextTokenizer.Load(_folder["saved"]);
            Assert.Equal((tokenizer.Hash, tokenizer.EndOfText, tokenizer.StartOfText), (loaded.Hash, loaded.EndOfText, loaded.StartOfText));
            Assert.Equal(tokenizer.Encode(SampleText.English), loaded.Encode(SampleText.English));
            Assert.Equal("\0", loaded.Decode([loaded.EndOfText]));
        }
    }

    [Fact]
    public void Our_own_tokenizers_are_exported()
    {
        foreach (var own in new ITextTokenizer[] { new ByteTokenizer(), new BytePairTokenizer(Fixtures.Bytes) })
        {
            own.Export(_folder.Path);
            var exported = TextTokenizer.Load(_folder.Path);
            Assert.IsType<JsonTokenizer>(exported);
            Assert.Equal((own.Vocabulary, own.EndOfText), (exported.Vocabulary, exported.EndOfText));
            Assert.Equal(own.Encode(SampleText.English), exported.Encode(SampleText.English));
            Assert.Equal(SampleText.English, exported.Decode(exported.Encode(SampleText.English).ToArray()));
        }
    }

    /// <summary>Their ids may lie behind a gap.</summary>
    [Fact]
    public void They_are_exported_with_the_special_tokens_of_an_encoder()
    {
        foreach (var own in new ITextTokenizer[] { new ByteTokenizer(), new BytePairTokenizer(Fixtures.Bytes) })
        {
            own.Export(_folder.Path, new SpecialTokens(Pad: 500, Cls: 501, Sep: 502, Mask: 503));
            var exported = (JsonTokenizer)TextTokenizer.Load(_folder.Path);
            Assert.Equal([500, 501, 502, 503], new[] { "[PAD]", "[CLS]", "[SEP]", "[MASK]" }.Select(name => exported.IdOf(name)!.Value));
            Assert.Equal((504, own.EndOfText), (exported.Vocabulary, exported.EndOfText));
            Assert.Equal(own.Encode(SampleText.English), exported.Encode(SampleText.English));
            Assert.Equal("[MASK]", (string?)JsonNode.Parse(File.ReadAllText(_folder["tokenizer_config.json"]))!["mask_token"]);
        }
    }

    private void BytePairs(string json, Func<string, List<string>> cut, Func<string, string> normalize, bool wholeWords, string[] special)
    {
        var tokenizer = Fixtures.Load(_folder, json, special[^1]);
        var ranks = NaiveModels.Ranks(Fixtures.Bytes.Merges);
        SampleText.Any.Sample(
            text =>
            {
                text = SampleText.Valid(text);
                if (special.Any(token => text.Contains(token, StringComparison.Ordinal)))
                    return;
                var expected = cut(normalize(text)).SelectMany(word =>
                {
                    var letters = ByteAlphabet.ToText(Encoding.UTF8.GetBytes(word));
                    return wholeWords && Fixtures.Bytes.Tokens.Contains(letters) ? [letters] : NaiveModels.Merge(letters.Select(letter => letter.ToString()), ranks);
                });
                var tokens = tokenizer.Encode(text);
                Assert.Equal(expected, Texts(tokenizer, tokens));
                Assert.Equal(normalize(text), tokenizer.Decode(tokens.ToArray()));
            },
            iter: 300, threads: 1);
        var joined = string.Join("ab", special);
        Assert.Equal(special, Texts(tokenizer, tokenizer.Encode(joined)).Where(special.Contains));
        Assert.Equal(special[^1], tokenizer.TokenText(tokenizer.EndOfText));
    }

    private static IEnumerable<string> Texts(JsonTokenizer tokenizer, IEnumerable<int> tokens) => tokens.Select(tokenizer.TokenText);

    private static string[] LlamaTokens()
    {
        var merged = new[] { "th", "the", "▁the", "ab", "▁a", "in", "ing", "aba", "▁t", "er", "▁ab", "▁▁", "▁▁▁▁" };
        return ["<unk>", "<s>", "</s>", .. Enumerable.Range(0, 256).Select(b => $"<0x{b:X2}>"), .. merged, "▁", .. "abcdefghijklmnopqrstuvwxyz".Select(c => c.ToString())];
    }

    public void Dispose() => _folder.Dispose();
}
