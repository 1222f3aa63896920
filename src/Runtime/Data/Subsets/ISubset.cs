using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Data.Subsets;

/// <summary>A way to choose the samples that are trained on. All that it chooses follows from its seed and its state.</summary>
internal interface ISubset
{
    /// <summary>What the choosing has saved and cost so far.</summary>
    SubsetCounts Counts { get; }

    /// <summary>Lists its state, for <see cref="ICheckpointPart.Describe"/>.</summary>
    void Describe(CheckpointTable table);

    /// <summary>For <see cref="ICheckpointPart.Restored"/>.</summary>
    void Restored()
    {
    }

    /// <summary>Chooses the samples of the next step.</summary>
    /// <param name="step">Optimizer steps made so far.</param>
    /// <param name="samples">[n] their numbers.</param>
    /// <param name="weights">[n] the factors of their losses; it comes filled with ones.</param>
    void Choose(int step, Span<int> samples, Span<float> weights);

    /// <summary>Is told the losses of samples that have just been trained on.</summary>
    /// <param name="step">As when they were chosen.</param>
    /// <param name="samples">[n] their numbers.</param>
    /// <param name="losses">[n] mean nats per token, without weights.</param>
    void Observe(int step, ReadOnlySpan<int> samples, ReadOnlySpan<float> losses)
    {
    }
}

/// <summary>What a choice of samples has saved and cost.</summary>
/// <param name="Considered">Samples that were trained on or passed over.</param>
/// <param name="Trained">Samples that went through a backward pass.</param>
/// <param name="Scored">Samples that went through a forward pass only to be judged.</param>
public readonly record struct SubsetCounts(long Considered, long Trained, long Scored);

/// <summary>Forward passes over samples, in the model's compute precision and without dropout.</summary>
internal interface ISampleScorer
{
    /// <summary>The loss of each sample: mean nats per token.</summary>
    void Losses(ReadOnlySpan<int> samples, Span<float> losses);

    /// <summary>The error of each sample: the mean over its tokens of the Euclidean norm of softmax minus one-hot.</summary>
    void Errors(ReadOnlySpan<int> samples, Span<float> errors);
}
