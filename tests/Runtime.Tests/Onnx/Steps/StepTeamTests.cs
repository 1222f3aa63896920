using ModelCompiler.Runtime.Onnx.Steps;

namespace ModelCompiler.Runtime.Tests.Onnx.Steps;

public sealed class StepTeamTests
{
    /// <summary>Every part once for every token, and no op before the last part of the one before it.</summary>
    [Theory]
    [InlineData(3, true)]
    [InlineData(2, true)]
    [InlineData(2, false)]
    [InlineData(5, true)]
    [InlineData(5, false)]
    public void Parts_run_once_and_ops_in_order(int threads, bool spins)
    {
        using var team = new StepTeam(threads, spins);
        using var tokens = new StepTokens(size: 16, []);
        CountingOp[] ops = [new(null, 1), .. new CountingOp[7]];
        for (var i = 1; i < ops.Length; i++) ops[i] = new(ops[i - 1], parts: 1 + (i * 13 % 40));
        for (var pass = 1; pass <= 300; pass++)
        {
            if (pass % 50 == 0) Thread.Sleep(5); // until they sleep
            Fill(tokens, 1 + (pass % StepTokens.Most));
            foreach (var op in ops) op.Clear(tokens.Count);
            team.Run(ops, headFrom: int.MaxValue, tokens, tokens.Count);
            Assert.All(ops, op => Assert.True(op.IsDone));
        }

        Assert.All(ops, op => Assert.False(op.WasEarly));
    }

    [Fact]
    public void Ops_of_the_head_run_over_wanted_tokens_only()
    {
        using var team = new StepTeam(2, spins: true);
        using var tokens = new StepTokens(size: 16, []);
        Fill(tokens, 5);
        CountingOp[] ops = [new(null, 3), new(null, 4), new(null, 1)];
        team.Run(ops, headFrom: 1, tokens, wanted: 2);
        Assert.Equal([15, 8, 2], ops.Select(op => op.Runs));
        StepTeam.RunAlone(ops, headFrom: 1, tokens, wanted: 2);
        Assert.Equal([30, 16, 4], ops.Select(op => op.Runs));
    }

    [Theory]
    [InlineData(1, 1L << 30, true, 1)]
    [InlineData(100, 1000, true, 1)]
    [InlineData(100, 1 << 20, true, 16)]
    [InlineData(3, 1 << 20, true, 3)]
    [InlineData(100, 1 << 20, false, 1)]
    [InlineData(1 << 20, 1L << 40, true, StepTeam.MostParts)]
    public void Parts_cover_all_units(int units, long bytes, bool together, int count)
    {
        var parts = StepParts.Of(units, bytes, together);
        Assert.Equal(count, parts.Count);
        var next = 0;
        for (var part = 0; part < parts.Count; part++)
        {
            var (first, end) = parts.Of(part);
            Assert.Equal(next, first);
            Assert.True(end > first);
            next = end;
        }

        Assert.Equal(units, next);
    }

    private static void Fill(StepTokens tokens, int count)
    {
        tokens.Clear(count);
        for (var i = 0; i < count; i++) tokens.Add(i, i, 0);
    }

    private sealed class CountingOp(CountingOp? before, int parts) : IStepOp
    {
        private readonly int[] _runs = new int[StepTokens.Most * 64];
        private int _tokens, _all;
        private volatile bool _early;

        public int Parts => parts;

        public int Runs => _all;

        public bool WasEarly => _early;

        public bool IsDone => _all == _tokens * parts && Enumerable.Range(0, _tokens).All(token => _runs.AsSpan(token * 64, parts).IndexOfAnyExcept(1) < 0);

        public void Clear(int tokens)
        {
            (_tokens, _all) = (tokens, 0);
            Array.Clear(_runs);
        }

        public void Run(in StepContext context, int part)
        {
            if (before is { IsDone: false }) _early = true;
            Interlocked.Increment(ref _runs[(context.Token * 64) + part]);
            Interlocked.Increment(ref _all);
        }
    }
}
