using CsCheck;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Data.Tokens;

namespace ModelCompiler.Runtime.Tests.Data.Batches;

public sealed class BatchSourceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void ShufflingIsAPermutation() =>
        Gen.Select(Gen.Int[1, 3000], Gen.ULong).Sample(
            (count, key) =>
            {
                var shuffle = new Shuffle(count, key);
                Assert.Equal(Enumerable.Range(0, count).Select(i => (long)i), Enumerable.Range(0, count).Select(i => shuffle[i]).Order());
            },
            iter: 200);

    [Fact]
    public void ShufflingMovesMostElementsAndDependsOnItsKey()
    {
        long[] Order(ulong key) => [.. Enumerable.Range(0, 1000).Select(i => new Shuffle(1000, key)[i])];
        Assert.InRange(Order(1).Where((to, from) => to == from).Count(), 0, 10);
        Assert.InRange(Order(1).Zip(Order(2)).Count(pair => pair.First == pair.Second), 0, 10);
        Assert.InRange(Order(1).Zip(Order(1).Skip(1)).Count(pair => pair.Second == pair.First + 1), 0, 10);
    }

    [Fact]
    public void AnEpochSeesEachTokenOnce()
    {
        using var tokens = Tokens(239); // with the end of text 240 different tokens
        var source = new BatchSource(tokens, batch: 4, sequence: 10, seed: 7);
        Assert.Equal(6, source.StepsPerEpoch);
        for (var epoch = 0; epoch < 3; epoch++)
            Assert.Equal(Enumerable.Range(0, 240).Select(i => (long)i), Enumerable.Range(epoch * 6, 6).SelectMany(step => Fill(source, step).Tokens).Order());
        Assert.NotEqual(Fill(source, 0).Tokens, Fill(source, 6).Tokens);
    }

    [Fact]
    public void WhatFillsNoWindowIsAllThatAnEpochMisses()
    {
        using var tokens = Tokens(200);
        var source = new BatchSource(tokens, batch: 4, sequence: 16, seed: 7);
        var seen = Enumerable.Range(0, 3).SelectMany(step => Fill(source, step).Tokens).ToArray();
        Assert.Equal(12 * 16, seen.Distinct().Count());
        Assert.Equal(192, seen.Length);
    }

    [Fact]
    public void TargetsAreTheFollowingTokens()
    {
        using var tokens = Tokens(239);
        var source = new BatchSource(tokens, batch: 3, sequence: 7, seed: 1);
        for (var step = 0; step < 50; step++)
        {
            var (inputs, targets) = Fill(source, step);
            Assert.Equal(inputs.Select(token => (token + 1) % 240), targets);
        }
    }

    [Fact]
    public void ABatchIsAFunctionOfSeedAndStep()
    {
        using var tokens = Tokens(239);
        var first = new BatchSource(tokens, 4, 10, seed: 3);
        var second = new BatchSource(tokens, 4, 10, seed: 3);
        var later = Fill(second, 17); // in any order
        for (var step = 0; step < 17; step++)
            Fill(first, step);
        Assert.Equal(Fill(first, 17).Tokens, later.Tokens);
        Assert.NotEqual(Fill(new BatchSource(tokens, 4, 10, seed: 4), 17).Tokens, later.Tokens);
    }

    [Fact]
    public void TooLittleTextIsNamed()
    {
        using var tokens = TestTokens.Of(_folder, "123456789");
        Assert.Equal(1, new BatchSource(tokens, 1, 9, 0).StepsPerEpoch);
        var message = Assert.Throws<DataException>(() => new BatchSource(tokens, 1, 10, 0)).Message;
        Assert.Contains("has 10 tokens, but a sequence and its target need 11", message, StringComparison.Ordinal);
    }

    private static (long[] Tokens, long[] Targets) Fill(BatchSource source, long step)
    {
        var (tokens, targets) = (new long[source.Batch * source.Sequence], new long[source.Batch * source.Sequence]);
        source.Fill(step, tokens, targets);
        return (tokens, targets);
    }

    /// <summary>Tokens that count up: 1, 2, …, length, and 0 for the end of text.</summary>
    private TokenCache Tokens(int length)
    {
        var corpus = Corpus.Open(_folder.Write("text.txt", new string('x', length)), validation: 0);
        return TokenCache.Open(corpus.Training, new CountingTokenizer(), _folder["cache"]);
    }

    public void Dispose() => _folder.Dispose();
}
