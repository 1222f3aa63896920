using ModelCompiler.Runtime.Training;
using ModelCompiler.Runtime.Training.Pruning;
using TorchSharp;

namespace ModelCompiler.Runtime;

/// <summary>The generated training program of a model, for its fixed batch B. Not thread-safe.</summary>
public interface ITrainingProgram : IDisposable
{
    /// <summary>Bytes of the arena that holds every activation, planned at build time.</summary>
    long ArenaBytes { get; }

    /// <summary>Bytes of the arena up to the end of its last view: what the program really uses.</summary>
    long ArenaBytesUsed { get; }

    /// <summary>The sequence lengths T that it has a step for, ascending; the last is the model's context.</summary>
    IReadOnlyList<int> Lengths { get; }

    /// <summary>Optimizer steps made so far. It seeds dropout and corrects AdamW's bias; set it when a run is resumed.</summary>
    int StepNumber { get; set; }

    /// <summary>
    /// What the optimizer carries from step to step, by the field's names (AdamW: <c>exp_avg</c>, <c>exp_avg_sq</c>): fp32
    /// buffers in the layout of the parameters, or tensors of any other type and shape. Checkpoints save and restore them in place.
    /// </summary>
    IReadOnlyDictionary<string, torch.Tensor> OptimizerState { get; }

    /// <summary>What else carries state from step to step and belongs in the run's checkpoints.</summary>
    IReadOnlyList<ICheckpointPart> CheckpointParts => [];

    /// <summary>The moving average of the parameters, for models with <c>ema</c>.</summary>
    WeightAverage? Average => null;

    /// <summary>What is removed of the parameters, for models with <c>pruning</c>.</summary>
    WeightPruning? Pruning => null;

    /// <summary>The memory of earlier segments, for models that have one: batches then continue each other, row by row.</summary>
    SegmentMemory? Memory => null;

    /// <summary>The teacher, for models that learn from one: it must be given its weights before the first step.</summary>
    Distillation? Distillation => null;

    /// <summary>
    /// The mean cross-entropy in nats per token, by a forward pass without dropout; with a <see cref="Memory"/> it continues the
    /// evaluation before.
    /// </summary>
    /// <param name="tokens">[B, T], row-major, T one of <see cref="Lengths"/>.</param>
    /// <param name="targets">[B, T]: the token that follows each.</param>
    /// <param name="losses">[B]: receives the mean of each sequence; may be empty.</param>
    /// <exception cref="ArgumentException">A length does not fit, or a token lies outside the vocabulary.</exception>
    double Evaluate(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, Span<float> losses = default);

    /// <summary>The losses by which samples are chosen: of the same pass, or of one in the precision that <c>subset</c> declares for it.</summary>
    /// <param name="tokens">[B, T], row-major, T the model's context.</param>
    /// <param name="targets">[B, T]: the token that follows each.</param>
    /// <param name="losses">[B]: receives the mean cross-entropy of each sequence in nats per token.</param>
    void Score(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, Span<float> losses) => Evaluate(tokens, targets, losses);

    /// <summary>The errors of sequences, by the same pass: for models with <c>subset: el2n</c>.</summary>
    /// <param name="tokens">[B, T], row-major, T one of <see cref="Lengths"/>.</param>
    /// <param name="targets">[B, T]: the token that follows each.</param>
    /// <param name="errors">[B]: receives the mean over each sequence's tokens of the Euclidean norm of softmax minus one-hot.</param>
    /// <exception cref="NotSupportedException">The model's declaration has another subset or none.</exception>
    void EvaluateErrors(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, Span<float> errors) =>
        throw new NotSupportedException("The model has no errors of sequences: its declaration has no 'subset: el2n'.");

    /// <summary>
    /// Forward and backward pass of one micro-batch: its share of the step's gradients. With <c>accumulate: k</c> a step has up
    /// to k of them, and its gradient is their mean.
    /// </summary>
    /// <param name="tokens">[B, T], row-major, T one of <see cref="Lengths"/>.</param>
    /// <param name="targets">[B, T]: the token that follows each.</param>
    /// <param name="weights">[B]: what the loss of each sequence counts, for models with <c>subset</c>; empty for ones.</param>
    /// <param name="losses">[B]: receives the mean cross-entropy of each sequence, without its weight; may be empty.</param>
    /// <returns>The loss: the mean over the sequences of weight times cross-entropy, in nats per token.</returns>
    /// <exception cref="ArgumentException">A length does not fit, or a token lies outside the vocabulary.</exception>
    double Backpropagate(
        ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, ReadOnlySpan<float> weights = default, Span<float> losses = default);

    /// <summary>Ends a step: clips the gradients by their global norm and updates the parameters. Adds one to <see cref="StepNumber"/>.</summary>
    /// <param name="learningRate">The learning rate of this step.</param>
    StepResult Update(double learningRate);
}

/// <summary>What one training step reports.</summary>
/// <param name="Loss">Mean cross-entropy in nats per token over its micro-batches, before the update.</param>
/// <param name="GradientNorm">Global norm of the gradients, before clipping.</param>
public readonly record struct StepResult(double Loss, double GradientNorm)
{
    /// <summary>Whether loss and gradients are numbers: where they are not, nothing is updated.</summary>
    public bool IsFinite => double.IsFinite(Loss) && double.IsFinite(GradientNorm);

    /// <summary>Whether the gradients overflowed under the loss scale of fp16: nothing was updated, and the next scale is lower.</summary>
    public bool Overflowed { get; init; }
}
