using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace ModelCompiler.Runtime.Data.Batches;

/// <summary>Prepares the next batches on a thread of its own, in a fixed number of buffers. For one consumer.</summary>
public sealed class Prefetcher : IDisposable
{
    private readonly BlockingCollection<Batch> _free = [];
    private readonly BlockingCollection<Batch> _filled = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _thread;
    private Batch? _lent;
    private ExceptionDispatchInfo? _failure;

    /// <param name="source">Where batches come from; called on the prefetching thread.</param>
    /// <param name="first">The first batch, above 0 when a run is resumed.</param>
    /// <param name="ahead">Batches that are prepared ahead.</param>
    public Prefetcher(IBatchSource source, long first = 0, int ahead = 2)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(ahead);
        for (var i = 0; i <= ahead; i++) // one more for the batch that is lent out
            _free.Add(new Batch(source.Batch, source.Sequence));
        _thread = new Thread(() => Run(source, first)) { IsBackground = true, Name = "Prefetcher" };
        _thread.Start();
    }

    /// <summary>The next batch; it is filled anew after the following call.</summary>
    /// <remarks>What the source throws is thrown here, at the batch that it belongs to.</remarks>
    public Batch Next(CancellationToken cancellation = default)
    {
        ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
        if (_lent is not null)
            _free.Add(_lent);
        _lent = null;
        if (!_filled.TryTake(out _lent, Timeout.Infinite, cancellation))
            _failure!.Throw();
        return _lent!;
    }

    public void Dispose()
    {
        if (_stop.IsCancellationRequested)
            return;
        _stop.Cancel();
        _thread.Join();
        _free.Dispose();
        _filled.Dispose();
        _stop.Dispose();
    }

    private void Run(IBatchSource source, long index)
    {
        try
        {
            for (; ; index++)
            {
                var batch = _free.Take(_stop.Token);
                batch.Fill(source, index);
                _filled.Add(batch);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
        }
        catch (Exception e)
        {
            _failure = ExceptionDispatchInfo.Capture(e);
            _filled.CompleteAdding();
        }
    }
}
