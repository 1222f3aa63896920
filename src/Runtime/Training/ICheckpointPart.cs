namespace ModelCompiler.Runtime.Training;

/// <summary>
/// A part of a run that carries state from step to step: optimizer, loss scaler, averaged weights, losses of samples, position
/// in a curriculum. Its state is in each checkpoint of the run, so that a resumed run continues as if it had not been stopped.
/// </summary>
public interface ICheckpointPart
{
    /// <summary>What its tensors and values are called by in the file, before a dot: e.g. <c>ema</c>. Unique in the run.</summary>
    string Name { get; }

    /// <summary>
    /// Lists the state, the same for saving and for restoring: names, types and shapes must not depend on how far the run is.
    /// Called between two steps. Tensors and arrays are written from, and restored into, where they lie.
    /// </summary>
    void Describe(CheckpointTable table);

    /// <summary>Called when all of a checkpoint has been restored, for what follows from the state.</summary>
    void Restored()
    {
    }
}
