using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Data.Tokens;

namespace ModelCompiler.Runtime.Tests.Data.Batches;

public sealed class SampleWindowsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ASampleIsTheWindowOfItsNumber()
    {
        using var tokens = Tokens(239);
        var samples = new SampleWindows(tokens, sequence: 10, most: 1000, seed: 3);
        Assert.Equal(23, samples.Count); // the last window of ten has no target for its last token
        var (inputs, targets) = Read(samples, 7);
        Assert.Equal(Enumerable.Range(71, 10).Select(i => (long)i), inputs);
        Assert.Equal(inputs.Select(token => token + 1), targets);
        Assert.Throws<ArgumentOutOfRangeException>(() => Read(samples, 23));
    }

    [Fact]
    public void FewerSamplesAreDrawnFromTheWholeTextOnce()
    {
        using var tokens = Tokens(239);
        long[] Firsts(int seed) =>
            [.. Enumerable.Range(0, 8).Select(i => Read(new SampleWindows(tokens, sequence: 10, most: 8, seed), i).Tokens[0])];
        Assert.Equal(8, Firsts(1).Distinct().Count());
        Assert.All(Firsts(1), first => Assert.Equal(1, first % 10));
        Assert.Contains(Firsts(1), first => first > 80);
        Assert.Equal(Firsts(1), Firsts(1));
        Assert.NotEqual(Firsts(1), Firsts(2));
    }

    private static (long[] Tokens, long[] Targets) Read(SampleWindows samples, int sample)
    {
        var (tokens, targets) = (new long[samples.Sequence], new long[samples.Sequence]);
        samples.Read(sample, tokens, targets);
        return (tokens, targets);
    }

    private TokenCache Tokens(int length)
    {
        var corpus = Corpus.Open(_folder.Write("text.txt", new string('x', length)), validation: 0);
        return TokenCache.Open(corpus.Training, new CountingTokenizer(), _folder["cache"]);
    }
}
