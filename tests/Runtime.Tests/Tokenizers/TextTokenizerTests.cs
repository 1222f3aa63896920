using System.Text;
using CsCheck;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Tests.Tokenizers;

/// <summary>What every tokenizer keeps to.</summary>
public sealed class TextTokenizerTests : IDisposable
{
    private static readonly Dictionary<string, ITextTokenizer> s_tokenizers = new()
    {
        ["bytes"] = new ByteTokenizer(),
        ["257"] = new BytePairTokenizer(BytePairTrainer.Train([SampleText.English], 257)),
        ["400"] = new BytePairTokenizer(BytePairTrainer.Train([SampleText.English], 400)),
    };

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> All => [.. s_tokenizers.Keys];

    [Theory]
    [MemberData(nameof(All))]
    public void DecodingGivesTheTextBack(string name)
    {
        var tokenizer = s_tokenizers[name];
        SampleText.Any.Sample(
            text =>
            {
                var tokens = tokenizer.Encode(text);
                Assert.Equal(SampleText.Valid(text), tokenizer.Decode(tokens.ToArray()));
                Assert.All(tokens, token => Assert.InRange(token, 0, tokenizer.Vocabulary - 1));
                Assert.Equal(Encoding.UTF8.GetByteCount(text), tokens.Sum(token => tokenizer.Bytes(token).Length));
                if (!text.Contains('\0'))
                    Assert.DoesNotContain(tokenizer.EndOfText, tokens);
            },
            iter: 1000);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void StreamedDecodingGivesTheTextBack(string name)
    {
        var tokenizer = s_tokenizers[name];
        SampleText.Any.Sample(
            text =>
            {
                var decoder = new TokenDecoder(tokenizer);
                var pieces = tokenizer.Encode(text).Select(decoder.Append).ToList();
                Assert.Equal(SampleText.Valid(text), string.Concat(pieces) + decoder.Flush());
                Assert.All(pieces, piece => Assert.Equal(SampleText.Valid(piece), piece)); // no half of a surrogate pair
            },
            iter: 300);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void ASavedTokenizerLoadsTheSame(string name)
    {
        var tokenizer = s_tokenizers[name];
        tokenizer.Save(_folder.Path);
        var loaded = TextTokenizer.Load(_folder.Path);
        Assert.Equal(tokenizer.Hash, loaded.Hash);
        Assert.Equal(tokenizer.Vocabulary, loaded.Vocabulary);
        Assert.Equal(tokenizer.EndOfText, loaded.EndOfText);
        Assert.Equal(tokenizer.Encode(SampleText.English), loaded.Encode(SampleText.English));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void IdsOutsideTheVocabularyAreRefused(string name)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => s_tokenizers[name].Bytes(-1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => s_tokenizers[name].Bytes(s_tokenizers[name].Vocabulary).Length);
    }

    [Fact]
    public void HashesDiffer() => Assert.Equal(3, s_tokenizers.Values.Select(tokenizer => tokenizer.Hash).Distinct().Count());

    [Fact]
    public void AnIncompleteCharacterIsHeldBackAndThenReplaced()
    {
        var decoder = new TokenDecoder(new ByteTokenizer());
        Assert.Equal("a", decoder.Append('a'));
        Assert.Equal("", decoder.Append(0xF0));
        Assert.Equal("", decoder.Append(0x9F));
        Assert.Equal("\uFFFD", decoder.Flush());
    }

    [Fact]
    public void TheEndOfTextIsAZeroByte()
    {
        foreach (var tokenizer in s_tokenizers.Values)
            Assert.Equal("\0", tokenizer.Decode([tokenizer.EndOfText]));
    }

    [Fact]
    public void AFolderWithoutATokenizerIsNamed() =>
        Assert.Contains(_folder.Path, Assert.Throws<DataException>(() => TextTokenizer.Load(_folder.Path)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"tokenizer_class":"T5Tokenizer"}""", "unknown tokenizer 'T5Tokenizer'")]
    [InlineData("""{"tokenizer_class":5}""", "cannot be loaded")]
    [InlineData("""[]""", "cannot be loaded")]
    [InlineData("""{""", "cannot be loaded")]
    public void AnUnusableConfigurationIsNamed(string config, string message)
    {
        _folder.Write("tokenizer_config.json", config);
        Assert.Contains(message, Assert.Throws<DataException>(() => TextTokenizer.Load(_folder.Path)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();
}
