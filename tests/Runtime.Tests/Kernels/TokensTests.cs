using ModelCompiler.Runtime.Implementations;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

public sealed class TokensTests : KernelTest
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 20)]
    [InlineData(20, 20)]
    public void DrawnTokensAreAscendingTokensOfTheSequence(int kept, int tokens)
    {
        var drawn = Draw(seed: 5, batch: 4, kept, tokens);
        Assert.All(drawn, sequence =>
        {
            Assert.Equal(sequence.Distinct().Order(), sequence);
            Assert.All(sequence, token => Assert.InRange(token, 0, tokens - 1));
        });
        Assert.Equal(drawn, Draw(seed: 5, batch: 4, kept, tokens));
        if (kept < tokens) Assert.NotEqual(drawn, Draw(seed: 6, batch: 4, kept, tokens));
    }

    /// <summary>Each token of 10 is among 3 drawn ones with probability 0.3, and each pair with 1/15: within five standard deviations.</summary>
    [Fact]
    public void EveryTokenAndEveryPairIsEquallyLikely()
    {
        const int Draws = 20_000, Tokens = 10, Kept = 3;
        var (single, pairs) = (new int[Tokens], new int[Tokens, Tokens]);
        foreach (var sequence in Draw(seed: 1, batch: Draws, Kept, Tokens))
            foreach (var a in sequence)
            {
                single[a]++;
                foreach (var b in sequence.Where(b => b > a)) pairs[a, b]++;
            }
        void Likely(int count, double p) => Assert.True(Math.Abs(count - (Draws * p)) < 5 * Math.Sqrt(Draws * p * (1 - p)), $"{count} of {Draws}, not {p}");
        Assert.All(single, count => Likely(count, 0.3));
        for (var a = 0; a < Tokens; a++)
            for (var b = a + 1; b < Tokens; b++) Likely(pairs[a, b], 1 / 15.0);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void GatherAndScatterAreIndexing(ScalarType type, bool aten)
    {
        const int B = 3, T = 300, K = 170, C = 37;
        var (x, drawn) = (Oracle.Normal(1, type, B * T, C), empty(B * K, ScalarType.Int64));
        Kernels.DrawTokens(9, B, T, drawn);
        var flat = drawn + (arange(B, ScalarType.Int64) * T).repeat_interleave(K);
        var y = Oracle.Unwritten(type, B * K, C);
        (aten ? AtenTokens.Gather : (Action<Tensor, Tensor, int, Tensor>)Kernels.GatherTokens)(x, drawn, B, y);
        Oracle.Close(x.index_select(0, flat).to(ScalarType.Float64), y, tolerance: 0);

        var rows = Oracle.Normal(2, type, B * K, C);
        var expected = x.index_copy(0, flat, rows).to(ScalarType.Float64);
        var into = Oracle.Unwritten(type, B * T, C);
        var scatter = aten ? AtenTokens.Scatter : (Action<Tensor, Tensor, Tensor, int, Tensor>)Kernels.ScatterTokens;
        scatter(x, rows, drawn, B, into);
        Oracle.Close(expected, into, tolerance: 0);
        scatter(x, rows, drawn, B, x);
        Oracle.Close(expected, x, "in place", tolerance: 0);
    }

    [Fact]
    public void ADeviceDrawsWhatTheCpuDraws()
    {
        var (expected, actual) = (empty(2 * 5, ScalarType.Int64), empty(2 * 5, ScalarType.Int64));
        Kernels.DrawTokens(3, 2, 9, expected);
        AtenTokens.Draw(3, 2, 9, actual);
        Assert.Equal(expected.data<long>().ToArray(), actual.data<long>().ToArray());
    }

    [Theory]
    [InlineData(new long[] { 0, 4 })]
    [InlineData(new long[] { 2, 1 })]
    [InlineData(new long[] { -1, 1 })]
    public void IndicesThatAreNoAscendingTokensThrow(long[] indices) =>
        Assert.Throws<ArgumentException>(() => Kernels.GatherTokens(zeros(4, 3), tensor(indices), 1, zeros(2, 3)));

    [Fact]
    public void MoreTokensThanThereAreThrow() =>
        Assert.Throws<ArgumentException>(() => Kernels.DrawTokens(1, 1, 4, empty(5, ScalarType.Int64)));

    private static long[][] Draw(ulong seed, int batch, int kept, int tokens)
    {
        using var drawn = empty(batch * kept, ScalarType.Int64);
        Kernels.DrawTokens(seed, batch, tokens, drawn);
        return [.. drawn.data<long>().ToArray().Chunk(kept)];
    }
}
