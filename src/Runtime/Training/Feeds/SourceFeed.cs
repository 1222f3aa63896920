using ModelCompiler.Runtime.Data.Batches;

namespace ModelCompiler.Runtime.Training.Feeds;

/// <summary>Batches that are a function of their number, prepared ahead on a thread of their own.</summary>
internal sealed class SourceFeed(IBatchSource source) : ITrainingFeed
{
    private Prefetcher? _batches;
    private long _next;

    public IReadOnlyList<ICheckpointPart> Parts => [];

    public Batch Next(long position)
    {
        if (_batches is null || position != _next)
        {
            _batches?.Dispose();
            _batches = new Prefetcher(source, position);
        }

        _next = position + 1;
        return _batches.Next();
    }

    public void Trained(Batch batch)
    {
    }

    public void Dispose() => _batches?.Dispose();
}
