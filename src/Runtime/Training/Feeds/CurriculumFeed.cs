using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Data.Curricula;

namespace ModelCompiler.Runtime.Training.Feeds;

/// <summary>Batches of a curriculum, which shows how far it is, and which is the same when the run is resumed.</summary>
/// <param name="batches">They follow from it.</param>
/// <param name="curriculum">The curriculum.</param>
internal sealed class CurriculumFeed(ITrainingFeed batches, ICurriculum curriculum) : ITrainingFeed, ICheckpointPart, IMetricSource
{
    private readonly Pin _pin = new(
        curriculum.Digest(),
        "The curriculum is not the one that the run began with: its scoring model was trained anew, or a method with [Difficulty] or [Pacing] was changed. "
        + "Restore it, or start a new run in another --output.");

    private long _position = -1; // before the first batch

    public string Name => "curriculum";

    public IReadOnlyList<ICheckpointPart> Parts => [this, .. batches.Parts];

    public Batch Next(long position)
    {
        _position = position;
        return batches.Next(position);
    }

    public void Trained(Batch batch) => batches.Trained(batch);

    public void Describe(CheckpointTable table) => _pin.Describe(table, "digest");

    public void Restored() => _pin.Check();

    public void Report(StepMetrics metrics) => metrics.Add(curriculum.Metric, curriculum.At(_position));

    public IEnumerable<(string Name, string Value)> Facts() => _position < 0 ? [] : [curriculum.FactUpTo(_position)];

    public void Dispose() => batches.Dispose();
}
