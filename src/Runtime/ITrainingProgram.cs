using ModelCompiler.Runtime.Training;
using TorchSharp;

namespace ModelCompiler.Runtime;

/// <summary>The generated training step of a model, for its fixed batch B and context T. Not thread-safe.</summary>
public interface ITrainingProgram : IDisposable
{
    /// <summary>Bytes of the arena that holds every activation, planned at build time.</summary>
    long ArenaBytes { get; }

    /// <summary>Bytes of the arena up to the end of its last view: what the program really uses.</summary>
    long ArenaBytesUsed { get; }

    /// <summary>Optimizer steps made so far. It seeds dropout and corrects AdamW's bias; set it when a run is resumed.</summary>
    int StepNumber { get; set; }

    /// <summary>
    /// What the optimizer carries from step to step, by the field's names (AdamW: <c>exp_avg</c>, <c>exp_avg_sq</c>): fp32
    /// buffers in the layout of the parameters, or tensors of any other type and shape. Checkpoints save and restore them in place.
    /// </summary>
    IReadOnlyDictionary<string, torch.Tensor> OptimizerState { get; }

    /// <summary>What else carries state from step to step and belongs in the run's checkpoints.</summary>
    IReadOnlyList<ICheckpointPart> CheckpointParts => [];

    /// <summary>The mean cross-entropy in nats per token, by a forward pass without dropout.</summary>
    /// <param name="tokens">int64 [B, T].</param>
    /// <param name="targets">int64 [B, T]: the token that follows each.</param>
    double Evaluate(torch.Tensor tokens, torch.Tensor targets);

    /// <summary>One optimizer step: forward, backward, clip by global norm, update. Adds one to <see cref="StepNumber"/>.</summary>
    /// <param name="tokens">int64 [B, T].</param>
    /// <param name="targets">int64 [B, T]: the token that follows each.</param>
    /// <param name="learningRate">The learning rate of this step.</param>
    StepResult Step(torch.Tensor tokens, torch.Tensor targets, double learningRate);
}

/// <summary>What one training step reports.</summary>
/// <param name="Loss">Mean cross-entropy in nats per token, before the update.</param>
/// <param name="GradientNorm">Global norm of the gradients, before clipping.</param>
public readonly record struct StepResult(double Loss, double GradientNorm);
