using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Tests.Tokenizers;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Tests.Data;

public sealed class DatasetTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData(TokenizerKind.Bytes, 256)]
    [InlineData(TokenizerKind.Bpe, 400)]
    public void TheSecondTimeEverythingComesFromTheCache(TokenizerKind kind, int vocabulary)
    {
        WriteText();
        var reports = new List<string>();
        string first;
        using (var data = Open(kind, vocabulary, reports.Add))
        {
            Assert.Equal(vocabulary, data.Tokenizer.Vocabulary);
            Assert.Equal(SampleText.English + "\0", Text(data));
            first = data.Tokenizer.Hash;
        }

        Assert.Equal(kind == TokenizerKind.Bpe ? 3 : 2, reports.Count);
        using (var data = Open(kind, vocabulary, reports.Add))
            Assert.Equal(first, data.Tokenizer.Hash);
        Assert.Equal(kind == TokenizerKind.Bpe ? 3 : 2, reports.Count);
    }

    [Fact]
    public void ADamagedTokenizerIsTrainedAgain()
    {
        WriteText();
        string hash;
        using (var data = Open(TokenizerKind.Bpe, 400))
            hash = data.Tokenizer.Hash;
        var merges = Directory.GetFiles(_folder["cache"], "merges.txt", SearchOption.AllDirectories).Single();
        var lines = File.ReadAllLines(merges);
        foreach (var damaged in (string[][])[lines[..^1], [lines[0], lines[2], lines[1], .. lines[3..]], []])
        {
            File.WriteAllLines(merges, damaged);
            using var data = Open(TokenizerKind.Bpe, 400);
            Assert.Equal(hash, data.Tokenizer.Hash);
            Assert.Equal(lines, File.ReadAllLines(merges));
        }
    }

    [Fact]
    public void AVocabularySmallerThanTheTokenizerIsNamed()
    {
        WriteText();
        var message = Assert.Throws<DataException>(() => Open(TokenizerKind.Bytes, 128)).Message;
        Assert.Contains("set architecture.vocabulary to 256", message, StringComparison.Ordinal);
    }

    [Fact]
    public void TheBaselineIsTheSameForEveryTokenizer()
    {
        WriteText();
        using var bytes = Open(TokenizerKind.Bytes, 256);
        using var pairs = Open(TokenizerKind.Bpe, 400);
        var expected = Bigram(SampleText.English + "\0", "the other text\nof the dog\0");
        Assert.Equal(expected, ByteBigram.BitsPerByte(bytes.Training, bytes.Validation, bytes.Tokenizer), 1e-12);
        Assert.Equal(expected, ByteBigram.BitsPerByte(pairs.Training, pairs.Validation, pairs.Tokenizer), 1e-12);
    }

    /// <summary>It is of the content, not of the files: a text that was copied is the same.</summary>
    [Fact]
    public void TheFingerprintIsOfTheTokensOfBothSplits()
    {
        WriteText();
        var first = Fingerprint();
        File.SetLastWriteTimeUtc(_folder["text/a.txt"], new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        Assert.Equal(first, Fingerprint());
        _folder.Write("text/b.txt", "the other text\nof the cat"); // held out, and as long
        var second = Fingerprint();
        _folder.Write("text/a.txt", SampleText.English.ToUpperInvariant());
        Assert.Equal(3, new[] { first, second, Fingerprint() }.Distinct().Count());

        string Fingerprint()
        {
            using var data = Open(TokenizerKind.Bytes, 256);
            return data.Fingerprint;
        }
    }

    /// <summary>As defined: −log₂ of (count of the pair + 1) / (count of the first byte + 256), averaged.</summary>
    private static double Bigram(string training, string validation)
    {
        var train = System.Text.Encoding.UTF8.GetBytes("\0" + training);
        var test = System.Text.Encoding.UTF8.GetBytes("\0" + validation);
        var pairs = train.Zip(train.Skip(1)).ToList();
        return test.Zip(test.Skip(1)).Average(next =>
            -Math.Log2((pairs.Count(pair => pair == next) + 1.0) / (pairs.Count(pair => pair.First == next.First) + 256.0)));
    }

    private void WriteText()
    {
        _folder.Write("text/a.txt", SampleText.English);
        _folder.Write("text/b.txt", "the other text\nof the dog");
    }

    private Dataset Open(TokenizerKind kind, int vocabulary, Action<string>? report = null) => Dataset.Open(
        new TrainingSettings
        {
            Source = _folder["text"], Field = "text", Tokenizer = kind, Validation = 0.05,
            Steps = 1, Seed = 1, LearningRate = 1, Warmup = 0, Decay = DecayKind.Constant, Final = 1,
        },
        vocabulary,
        cache: _folder["cache"],
        report: report);

    private static string Text(Dataset data)
    {
        var tokens = new long[data.Training.Count];
        data.Training.Read(0, tokens);
        return data.Tokenizer.Decode([.. tokens.Select(token => (int)token)]);
    }

    public void Dispose() => _folder.Dispose();
}
