using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Pruning;

/// <summary>The weights and the optimizer's state of an early step, to go back to.</summary>
internal sealed class RewindPoint : IDisposable
{
    private readonly ParameterStore _store;
    private readonly Tensor _weights;
    private readonly (string Name, Tensor Now, Tensor Then)[] _state;

    public RewindPoint(ParameterStore store, IReadOnlyDictionary<string, Tensor> state)
    {
        _store = store;
        _weights = Zeros(store.Master);
        _state = [.. state.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => (entry.Key, entry.Value, Zeros(entry.Value)))];
    }

    public void Save()
    {
        _weights.copy_(_store.Master);
        foreach (var (_, now, then) in _state) then.copy_(now);
    }

    public void Restore()
    {
        _store.Master.copy_(_weights);
        foreach (var (_, now, then) in _state) now.copy_(then);
    }

    public void Describe(CheckpointTable table)
    {
        table.Parameters("rewind.weights", _weights);
        foreach (var (name, _, then) in _state) table.Tensor("rewind." + name, then);
    }

    public void Dispose()
    {
        _weights.Dispose();
        foreach (var (_, _, then) in _state) then.Dispose();
    }

    private static Tensor Zeros(Tensor like) => zeros_like(like).DetachFromDisposeScope();
}
