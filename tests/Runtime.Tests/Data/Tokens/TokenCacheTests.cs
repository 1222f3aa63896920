using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Tokens;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Tests.Data.Tokens;

public sealed class TokenCacheTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<int> Vocabularies => [256, 300, 65_536, 65_537];

    [Theory]
    [MemberData(nameof(Vocabularies))]
    public void TokensComeBackInEveryWidth(int vocabulary)
    {
        var tokenizer = new WideTokenizer(vocabulary);
        _folder.Write("text.jsonl", "{\"text\":\"abc\"}\n{\"text\":\"zÿ\"}");
        var split = Corpus.Open(_folder["text.jsonl"], validation: 0).Training;
        using var cache = TokenCache.Open(split, tokenizer, _folder["cache"]);
        var tokens = new long[cache.Count];
        cache.Read(0, tokens);
        Assert.Equal(tokenizer.Encode("abc").Append(0).Concat(tokenizer.Encode("zÿ")).Append(0).Select(token => (long)token), tokens);
        Assert.Equal(vocabulary - 1, tokens.Max());
        Assert.Equal(96 + (cache.Count * (vocabulary <= 256 ? 1 : vocabulary <= 65_536 ? 2 : 4)), new FileInfo(cache.Path).Length);
        Assert.Equal(cache.Count, cache.Bytes);

        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Read(-1, tokens));
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Read(1, tokens));
    }

    [Fact]
    public void TextIsTokenizedOnce()
    {
        var reports = new List<string>();
        var path = _folder.Write("text.txt", "some text");
        for (var i = 0; i < 2; i++)
            Open(path, reports.Add).Dispose();
        Assert.Equal(["tokenizing the training text (1 file)"], reports);

        _folder.Write("text.txt", "other text");
        using var cache = Open(path, reports.Add);
        Assert.Equal(2, reports.Count);
        Assert.Equal("other text\0".Length, cache.Count);
    }

    [Fact]
    public void EveryDamageIsFoundAndRepaired()
    {
        var path = _folder.Write("text.txt", "some text");
        string file;
        using (var cache = Open(path))
            file = cache.Path;
        var good = File.ReadAllBytes(file);
        for (var i = 0; i < good.Length; i++)
        {
            var bad = (byte[])good.Clone();
            bad[i] ^= 0x10;
            AssertRepaired(bad);
            AssertRepaired(good[..i]);
        }

        AssertRepaired([.. good, 0]);

        void AssertRepaired(byte[] content)
        {
            File.WriteAllBytes(file, content);
            var reports = 0;
            using (Open(path, _ => reports++))
                Assert.Equal(1, reports);
            Assert.Equal(good, File.ReadAllBytes(file));
        }
    }

    [Fact]
    public void ParallelWritersGiveTheSame()
    {
        var path = _folder.Write("text.txt", new string('x', 100_000));
        Parallel.For(0, 16, new ParallelOptions { MaxDegreeOfParallelism = 8 }, _ =>
        {
            using var cache = Open(path);
            var tokens = new long[cache.Count];
            cache.Read(0, tokens);
            Assert.Equal(100_001, tokens.Length);
            Assert.Equal(-1, tokens.AsSpan(0, 100_000).IndexOfAnyExcept('x'));
        });
        Assert.Single(Directory.GetFiles(_folder["cache"]));
    }

    [Fact]
    public void AFailureLeavesNothingBehind()
    {
        var path = _folder.Write("bad.jsonl", "{\"text\":\"good\"}\n{\"text\":");
        Assert.Contains("line 2", Assert.Throws<DataException>(() => Open(path)).Message, StringComparison.Ordinal);
        var text = Corpus.Open(_folder.Write("text.txt", "text"), validation: 0).Training;
        Assert.Throws<OperationCanceledException>(() => TokenCache.Open(
            text, new ByteTokenizer(), _folder["cache"], cancellation: new CancellationToken(canceled: true)));
        Assert.Empty(Directory.GetFiles(_folder["cache"]));
    }

    [Fact]
    public void AFolderThatCannotBeWrittenIsNamed()
    {
        var file = _folder.Write("text.txt", "text");
        var split = Corpus.Open(file, validation: 0).Training;
        var exception = Assert.Throws<DataException>(() => TokenCache.Open(split, new ByteTokenizer(), Path.Combine(file, "cache")));
        Assert.Contains("MODELCOMPILER_CACHE", exception.Message, StringComparison.Ordinal);
    }

    private TokenCache Open(string path, Action<string>? report = null) =>
        TokenCache.Open(Corpus.Open(path, validation: 0).Training, new ByteTokenizer(), _folder["cache"], report);

    public void Dispose() => _folder.Dispose();

    /// <summary>Characters as tokens counted from the end of the vocabulary, so that its whole width is used.</summary>
    private sealed class WideTokenizer(int vocabulary) : ITextTokenizer
    {
        public int Vocabulary => vocabulary;

        public int EndOfText => 0;

        public string Hash => $"wide {vocabulary}";

        public void Encode(string text, List<int> into) => into.AddRange(text.Select(c => vocabulary - 1 - ('ÿ' - c)));

        public ReadOnlySpan<byte> Bytes(int token) => "x"u8;

        public void Export(string folder, SpecialTokens? special = null) => throw new NotSupportedException();

        public void Save(string folder) => throw new NotSupportedException();
    }
}
