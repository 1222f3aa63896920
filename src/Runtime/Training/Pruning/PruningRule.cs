using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Pruning;

/// <summary>Chooses which parameters are removed. It marks them; <see cref="WeightPruning"/> keeps them zero.</summary>
public abstract class PruningRule : IDisposable
{
    private readonly List<Tensor> _owned = [];

    /// <param name="store">The parameters.</param>
    protected PruningRule(ParameterStore store)
    {
        Store = store;
        Removed = Own(zeros([store.Length], ScalarType.Bool, store.Master.device));
    }

    /// <summary>bool [<see cref="ParameterStore.Length"/>]: true where a parameter is removed.</summary>
    internal Tensor Removed { get; }

    /// <summary>The share of the parameters in question that is removed in the end.</summary>
    public abstract double Sparsity { get; }

    /// <summary>What the layers' inputs are summed up to before each choice; null for a method that needs none.</summary>
    internal virtual Observations? Observations => null;

    protected ParameterStore Store { get; }

    /// <summary>Chooses anew.</summary>
    /// <param name="share">Of what is removed in the end, from 0 to 1.</param>
    internal abstract void Choose(double share);

    /// <summary>Takes the gradients of a step into account, before those of removed parameters are zeroed.</summary>
    /// <param name="lossScale">What the gradients are multiplied by.</param>
    internal virtual void Gather(double lossScale)
    {
    }

    /// <summary>Gives removed parameters the values that they are compared with at the next choice.</summary>
    internal virtual void Reveal()
    {
    }

    /// <summary>Remembers, after a choice, what it must of removed parameters before they are zeroed.</summary>
    internal virtual void Hide()
    {
    }

    /// <summary>Lists what is carried from step to step beside the mask.</summary>
    internal virtual void Describe(CheckpointTable table)
    {
    }

    public void Dispose()
    {
        foreach (var tensor in _owned) tensor.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected Tensor Own(Tensor tensor)
    {
        _owned.Add(tensor.DetachFromDisposeScope());
        return tensor;
    }

    /// <summary>A zeroed fp32 buffer in the layout of the parameters.</summary>
    private protected Tensor NewBuffer() => Own(zeros([Store.Length], ScalarType.Float32, Store.Master.device));
}
