using CsCheck;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Tests.Tokenizers;

public sealed class BytePairTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void TheClassicExampleIsMergedByFrequency()
    {
        // Counts: 'l o' 7, 'o w' 7, then 'e s', 's t' 9 of 'newest' and 'widest' (Sennrich et al. 2016).
        var text = string.Concat(Enumerable.Repeat("low\n", 5).Concat(Enumerable.Repeat("lower\n", 2))
            .Concat(Enumerable.Repeat("newest\n", 6)).Concat(Enumerable.Repeat("widest\n", 3)));
        var model = BytePairTrainer.Train([text], 257 + 4);
        Assert.Equal([("e", "s"), ("es", "t"), ("l", "o"), ("lo", "w")], model.Merges);
        Assert.Equal(["es", "est", "lo", "low", BytePairModel.EndOfText], model.Tokens.Skip(256));
    }

    [Fact]
    public void TrainingAgreesWithItsDefinition() =>
        SampleText.Any.Array[1, 4].Select(parts => string.Concat(parts) + "abab aaaa ").Sample(
            text =>
            {
                var merges = 1 + (text.Length % 4);
                var expected = ReferenceBytePairs.Train(text + SampleText.English, merges * 8);
                Assert.Equal(expected, BytePairTrainer.Train([text + SampleText.English], 257 + (merges * 8)).Merges);
            },
            iter: 15);

    [Fact]
    public void EncodingAgreesWithItsDefinition()
    {
        var model = BytePairTrainer.Train([SampleText.English], 460);
        var tokenizer = new BytePairTokenizer(model);
        SampleText.Any.Sample(
            text => Assert.Equal(
                ReferenceBytePairs.Encode(model, SampleText.Valid(text)), tokenizer.Encode(text).Select(token => model.Tokens[token])),
            iter: 500);
    }

    [Fact]
    public void AVeryLongWordIsEncoded()
    {
        var tokenizer = new BytePairTokenizer(BytePairTrainer.Train([SampleText.English], 400));
        var text = new string('a', 100_000) + new string('=', 100_000) + new string('\n', 1000);
        Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text).ToArray()));
    }

    [Fact]
    public void TheVocabularyHasExactlyItsSizeAndEachTokenOnce()
    {
        foreach (var vocabulary in (int[])[257, 258, 300, 460])
        {
            var model = BytePairTrainer.Train([SampleText.English], vocabulary);
            Assert.Equal(vocabulary, model.Tokens.Count);
            Assert.Equal(vocabulary, model.Tokens.Distinct().Count());
            Assert.Equal(vocabulary - 257, model.Merges.Count);
        }
    }

    [Fact]
    public void AVocabularyThatDoesNotFitIsNamed()
    {
        Assert.Contains("at least 257", Assert.Throws<DataException>(() => BytePairTrainer.Train(["text"], 256)).Message, StringComparison.Ordinal);
        var exception = Assert.Throws<DataException>(() => BytePairTrainer.Train(["abc"], 300));
        Assert.Contains("only 259 tokens, 300 are declared", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TrainingCanBeCancelled() =>
        Assert.Throws<OperationCanceledException>(() => BytePairTrainer.Train([SampleText.English], 300, new CancellationToken(canceled: true)));

    [Theory]
    [InlineData("vocab.json", "\"he\":", "\"hee\":", "not a merge")]
    [InlineData("vocab.json", "\"he\":", "\"h€\":", "not written in GPT-2's byte alphabet")]
    [InlineData("vocab.json", "\"a\":97", "\"a\":98", "each once")]
    [InlineData("vocab.json", "<|endoftext|>", "endoftext", "lacks the tokens <|endoftext|>")]
    [InlineData("vocab.json", "{", "", "cannot be read")]
    [InlineData("merges.txt", "h e\n", "he\n", "'he' is not a merge")]
    public void DamagedFilesAreNamed(string file, string from, string to, string message)
    {
        BytePairTrainer.Train([SampleText.English], 300).Save(_folder.Path);
        var text = File.ReadAllText(_folder[file]);
        Assert.Contains(from, text, StringComparison.Ordinal);
        File.WriteAllText(_folder[file], text.Replace(from, to, StringComparison.Ordinal));
        Assert.Contains(message, Assert.Throws<DataException>(() => BytePairModel.Load(_folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FilesAreThoseOfGpt2()
    {
        BytePairTrainer.Train(["the the the"], 260).Save(_folder.Path);
        Assert.Equal("#version: 0.2\nh e\nt he\nĠ the\n", File.ReadAllText(_folder["merges.txt"]));
        Assert.EndsWith(",\"he\":256,\"the\":257,\"Ġthe\":258,\"<|endoftext|>\":259}\n", File.ReadAllText(_folder["vocab.json"]), StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();
}
