using ModelCompiler.Runtime.Data.Batches;

namespace ModelCompiler.Runtime.Training.Feeds;

/// <summary>Batches that continue each other, of whose positions the memory of earlier ones is told.</summary>
internal sealed class StreamFeed(StreamBatches source, SegmentMemory memory) : ITrainingFeed
{
    private readonly SourceFeed _feed = new(source);

    public IReadOnlyList<ICheckpointPart> Parts => [];

    public Batch Next(long position)
    {
        memory.MoveTo(position);
        return _feed.Next(position);
    }

    public void Trained(Batch batch)
    {
    }

    public void Dispose() => _feed.Dispose();
}
