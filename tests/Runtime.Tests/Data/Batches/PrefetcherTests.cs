using ModelCompiler.Runtime.Data.Batches;

namespace ModelCompiler.Runtime.Tests.Data.Batches;

public sealed class PrefetcherTests
{
    [Fact]
    public void BatchesComeInOrderFromTheFirstStep()
    {
        using var prefetcher = new Prefetcher(new Steps(), first: 5);
        for (var step = 5; step < 200; step++)
        {
            var batch = prefetcher.Next();
            Assert.Equal(step, batch.Index);
            Assert.Equal([step, step], batch.Tokens);
            Assert.Equal([-step, -step], batch.Targets);
        }
    }

    [Fact]
    public void ItRunsAheadOnlySoFarAndLeavesTheLentBatchAlone()
    {
        var source = new Steps();
        using var prefetcher = new Prefetcher(source, ahead: 2);
        var batch = prefetcher.Next();
        Assert.True(SpinWait.SpinUntil(() => source.Filled == 3, TimeSpan.FromSeconds(30)));
        Thread.Sleep(50);
        Assert.Equal(3, source.Filled);
        Assert.Equal([0L, 0L], batch.Tokens);
    }

    [Fact]
    public void AFailureIsThrownAtItsStepAndAfterwards()
    {
        using var prefetcher = new Prefetcher(new Steps { FailsAt = 2 });
        prefetcher.Next();
        prefetcher.Next();
        Assert.Equal("step 2", Assert.Throws<InvalidOperationException>(() => prefetcher.Next()).Message);
        Assert.Equal("step 2", Assert.Throws<InvalidOperationException>(() => prefetcher.Next()).Message);
    }

    [Fact]
    public void WaitingCanBeCancelled()
    {
        using var blocked = new ManualResetEventSlim();
        using var prefetcher = new Prefetcher(new Steps { Gate = blocked });
        using var cancellation = new CancellationTokenSource(TimeSpan.FromMilliseconds(20));
        Assert.Throws<OperationCanceledException>(() => prefetcher.Next(cancellation.Token));
        blocked.Set();
        Assert.Equal(0, prefetcher.Next().Index);
    }

    [Fact]
    public void DisposingStopsTheThread()
    {
        var source = new Steps();
        var prefetcher = new Prefetcher(source);
        prefetcher.Next();
        prefetcher.Dispose();
        prefetcher.Dispose();
        var filled = source.Filled;
        Thread.Sleep(20);
        Assert.Equal(filled, source.Filled);
        Assert.Throws<ObjectDisposedException>(() => prefetcher.Next());
    }

    private sealed class Steps : IBatchSource
    {
        private int _filled;

        public int Filled => Volatile.Read(ref _filled);

        public long FailsAt { get; init; } = -1;

        public ManualResetEventSlim? Gate { get; init; }

        public int Batch => 1;

        public int Sequence => 2;

        public void Fill(long step, Span<long> tokens, Span<long> targets)
        {
            Gate?.Wait();
            if (step == FailsAt)
                throw new InvalidOperationException($"step {step}");
            tokens.Fill(step);
            targets.Fill(-step);
            Interlocked.Increment(ref _filled);
        }
    }
}
