using CsCheck;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Tests.Tokenizers.Json;

/// <summary>What a tokenizer.json asks for and is not supported is refused by name; any other file is refused too.</summary>
public sealed class JsonRefusalTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData("""{"type":"NFC"}""", """{"type":"Nmt"}""", "'normalizer.type': \"Nmt\"; this normalizer is not supported")]
    [InlineData("\"invert\":false", "\"invert\":false,\"twice\":true", "'pre_tokenizer.pretokenizers.twice': true; this key is not known")]
    [InlineData("\"behavior\":\"Isolated\"", "\"behavior\":\"Doubled\"", "'pre_tokenizer.pretokenizers.behavior': \"Doubled\"")]
    [InlineData("\"Isolated\",\"invert\":false},{\"type\":\"ByteLevel\"", "\"Isolated\",\"invert\":false},{\"type\":\"UnicodeScripts\"", "\"UnicodeScripts\"; this pre-tokenizer is not supported")]
    [InlineData("\\\\p{N}|", "\\\\p{N}++|", "the regular expression cannot be used")]
    [InlineData("\"dropout\":null", "\"dropout\":0.1", "'model.dropout': 0.1; it cannot be obeyed")]
    [InlineData("\"type\":\"BPE\"", "\"type\":\"WordLevel\"", "only BPE, WordPiece and Unigram")]
    [InlineData("\"decoder\":{\"type\":\"ByteLevel\"", "\"decoder\":{\"type\":\"CTC\"", "this decoder is not supported")]
    [InlineData("\"post_processor\":null", "\"post_processor\":{\"type\":\"Other\"}", "this post-processor is not supported")]
    [InlineData("\"special\":true}]", "\"special\":true,\"id\":-1}]", "an added token has characters")]
    [InlineData("\"merges\":[", "\"merges\":[\"one\",", "\"one\" is no pair of tokens")]
    [InlineData("\"merges\":[", "\"merges\":[\"Q ÿ\",", "become 'Qÿ', which is no token")]
    [InlineData("\"version\"", "\"sampling\":1,\"version\"", "'sampling': 1; this key is not known")]
    public void It_is_named(string from, string to, string message)
    {
        var json = Fixtures.Qwen2();
        Assert.Contains(from, json, StringComparison.Ordinal);
        Assert.Contains(message, Assert.Throws<DataException>(() => Fixtures.Load(_folder, json.Replace(from, to, StringComparison.Ordinal))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_end_of_text_is_named()
    {
        Assert.Contains("lacks the token '<end>'", Assert.Throws<DataException>(() => Fixtures.Load(_folder, Fixtures.Llama3(), "<end>")).Message, StringComparison.Ordinal);
        File.Delete(_folder["tokenizer_config.json"]);
        Assert.Contains(
            "name it as \"eos_token\"",
            Assert.Throws<DataException>(() => Fixtures.Load(_folder, Fixtures.Qwen2().Replace("endoftext", "end", StringComparison.Ordinal))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Mutated_files_load_or_are_refused()
    {
        foreach (var valid in new[] { Fixtures.Qwen2(), Fixtures.Albert(), Fixtures.Llama3() })
        {
            // The head and the tail, where the structure is; the vocabulary between them is long.
            var place = Gen.OneOf(Gen.Int[0, 1200], Gen.Int[valid.Length - 400, valid.Length - 1]);
            var text = Gen.OneOf(Gen.Char['a', 'z'].Array[0, 3].Select(letters => new string(letters)), Gen.OneOf([.. new[] { "{", "}", "null", "-1", "1e400", "\"\"", "[", "]", ",", "true", "\\ud800" }.Select(Gen.Const)]));
            Gen.Select(place, Gen.Int[0, 12], text).Sample(
                edit =>
                {
                    var (start, removed, inserted) = edit;
                    try
                    {
                        Fixtures.Load(_folder, valid.Remove(start, Math.Min(removed, valid.Length - start)).Insert(start, inserted)).Encode(SampleText.English);
                    }
                    catch (DataException)
                    {
                    }
                },
                iter: 50, threads: 1);
        }
    }

    public void Dispose() => _folder.Dispose();
}
