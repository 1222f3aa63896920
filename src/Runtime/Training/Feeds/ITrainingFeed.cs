using ModelCompiler.Runtime.Data.Batches;

namespace ModelCompiler.Runtime.Training.Feeds;

/// <summary>Gives the batch of each step of a run: all micro-batches of the step, one after the other.</summary>
internal interface ITrainingFeed : IDisposable
{
    /// <summary>What it carries from step to step, and shows of it.</summary>
    IReadOnlyList<ICheckpointPart> Parts { get; }

    /// <summary>The batch at a position; valid until the next call.</summary>
    /// <param name="position">Where the run is in its data: it grows by one a step, or by more where batches are left out.</param>
    Batch Next(long position);

    /// <summary>Is told that a batch was trained on and has its losses.</summary>
    void Trained(Batch batch);
}
