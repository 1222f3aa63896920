using ModelCompiler.Runtime.Data.Batches;

namespace ModelCompiler.Runtime.Training.Feeds;

/// <summary>Batches beside which lies what the teacher predicts of them.</summary>
internal sealed class CachedFeed(ITrainingFeed batches, CachedPredictions predictions, int accumulate) : ITrainingFeed
{
    public IReadOnlyList<ICheckpointPart> Parts => batches.Parts;

    public Batch Next(long position)
    {
        predictions.MoveTo(position * accumulate);
        return batches.Next(position);
    }

    public void Trained(Batch batch) => batches.Trained(batch);

    public void Dispose() => batches.Dispose();
}
