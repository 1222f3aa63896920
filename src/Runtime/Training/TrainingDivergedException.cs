namespace ModelCompiler.Runtime.Training;

/// <summary>The loss or the gradients are no longer finite. Checkpoints hold the weights from before.</summary>
public sealed class TrainingDivergedException(string message) : Exception(message);
