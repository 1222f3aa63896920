namespace ModelCompiler.Runtime;

/// <summary>
/// The training program of a model with <c>meta</c>. The rows that <see cref="ITrainingProgram.Backpropagate"/> and
/// <see cref="ITrainingProgram.Evaluate"/> are given are a task: B rows of its support set, then B of its query set; the loss is that of the
/// query set after the inner steps, for Reptile in training that of the support set before them.
/// </summary>
public interface IMetaProgram : ITrainingProgram
{
    /// <summary>Takes a copy of the model's parameters through gradient steps, with the declared inner rate or the learned ones.</summary>
    /// <param name="tokens">[B, T]: the examples, all in each step.</param>
    /// <param name="targets">[B, T], negative where nothing is to be predicted.</param>
    /// <param name="steps">0 for a copy as it is.</param>
    void Adapt(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, int steps);

    /// <summary>The loss of the adapted copy.</summary>
    /// <param name="tokens">[B, T]</param>
    /// <param name="targets">[B, T]</param>
    /// <param name="losses">[B]: receives the mean of each row; may be empty.</param>
    double Loss(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, Span<float> losses = default);
}
