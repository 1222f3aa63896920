using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Data.Tokens;

namespace ModelCompiler.Runtime.Tests.Data.Batches;

public sealed class ValidationWindowsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void AllWindowsAreTakenWhenTheyMay()
    {
        using var tokens = Tokens(120);
        var windows = new ValidationWindows(tokens, batch: 3, sequence: 10, maxBatches: 100);
        Assert.Equal(4, windows.Batches);
        Assert.Equal(Enumerable.Range(1, 120).Select(i => (long)i), Enumerable.Range(0, 4).SelectMany(i => Fill(windows, i).Tokens));
        Assert.Equal([.. Enumerable.Range(2, 119).Select(i => (long)i), 0], Enumerable.Range(0, 4).SelectMany(i => Fill(windows, i).Targets));
    }

    [Fact]
    public void FewWindowsAreSpreadOverTheText()
    {
        using var tokens = Tokens(200);
        var windows = new ValidationWindows(tokens, batch: 2, sequence: 10, maxBatches: 2);
        var starts = Enumerable.Range(0, 2).SelectMany(i => Fill(windows, i).Tokens).Chunk(10).Select(window => window[0]);
        Assert.Equal([1, 51, 101, 151], starts);
    }

    [Fact]
    public void WindowsOfRowsThatRememberFollowEachOther()
    {
        using var tokens = Tokens(200);
        var windows = new ValidationWindows(tokens, batch: 2, sequence: 10, maxBatches: 3, continuous: true);
        Assert.Equal(Enumerable.Range(1, 30).Select(i => (long)i), Enumerable.Range(0, 3).SelectMany(i => Fill(windows, i).Tokens.Take(10)));
        Assert.Equal(Enumerable.Range(101, 30).Select(i => (long)i), Enumerable.Range(0, 3).SelectMany(i => Fill(windows, i).Tokens.Skip(10)));
    }

    [Fact]
    public void AShortTextIsRepeatedToFillABatch()
    {
        using var tokens = Tokens(25);
        var windows = new ValidationWindows(tokens, batch: 3, sequence: 10, maxBatches: 5);
        Assert.Equal(1, windows.Batches);
        Assert.Equal([1, 11, 1], Fill(windows, 0).Tokens.Chunk(10).Select(window => window[0]));
    }

    [Fact]
    public void AnEmptyTextHasNoBatchesAndATooShortOneIsNamed()
    {
        var corpus = Corpus.Open(_folder.Write("a.txt", "text"), validation: 0);
        using var none = TokenCache.Open(corpus.Validation, new CountingTokenizer(), _folder["cache"]);
        Assert.Equal(0, new ValidationWindows(none, 2, 10, 5).Batches);
        using var tokens = Tokens(9);
        Assert.Contains("need 11", Assert.Throws<DataException>(() => new ValidationWindows(tokens, 2, 10, 5)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LossBecomesBitsPerByteOfTheTargets()
    {
        using var tokens = Tokens(120);
        var windows = new ValidationWindows(tokens, batch: 3, sequence: 10, maxBatches: 100);

        // 1 bit a token, 120 targets of which 119 stand for two bytes and the end of text for one.
        Assert.Equal(120.0 / 239, windows.BitsPerByte(Math.Log(2), new CountingTokenizer()), 1e-12);
    }

    private static (long[] Tokens, long[] Targets) Fill(ValidationWindows windows, int index)
    {
        var (tokens, targets) = (new long[windows.Batch * windows.Sequence], new long[windows.Batch * windows.Sequence]);
        windows.Fill(index, tokens, targets);
        return (tokens, targets);
    }

    private TokenCache Tokens(int length)
    {
        var corpus = Corpus.Open(_folder.Write("text.txt", new string('x', length)), validation: 0);
        return TokenCache.Open(corpus.Training, new CountingTokenizer(), _folder["cache"]);
    }

    public void Dispose() => _folder.Dispose();
}
