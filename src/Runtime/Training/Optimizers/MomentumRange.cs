using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Optimizers;

/// <summary>A contiguous range of the parameters with one buffer of state: views that are made once.</summary>
internal sealed class MomentumRange(ParameterStore store, (long Offset, long Length, double Decay) range, Tensor state) : IDisposable
{
    public Tensor Parameters { get; } = store.Master.narrow(0, range.Offset, range.Length).DetachFromDisposeScope();

    public Tensor Gradients { get; } = store.Gradients.narrow(0, range.Offset, range.Length).DetachFromDisposeScope();

    public Tensor State { get; } = state.narrow(0, range.Offset, range.Length).DetachFromDisposeScope();

    /// <summary>What a step multiplies the parameters by: decoupled weight decay.</summary>
    public float Keep(double learningRate) => (float)(1 - (learningRate * range.Decay));

    public void Dispose()
    {
        Parameters.Dispose();
        Gradients.Dispose();
        State.Dispose();
    }
}
