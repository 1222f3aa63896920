using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Optimizers;

/// <summary>
/// An update rule over the flat buffers of a <see cref="ParameterStore"/>. What a step needs is made once: steps allocate nothing.
/// </summary>
public abstract class Optimizer : IDisposable
{
    private readonly Dictionary<string, Tensor> _state = [];
    private readonly List<IDisposable> _owned = [];
    private readonly GradientNorm _norm;
    private readonly double _clip;

    /// <param name="store">The parameters and their gradients.</param>
    /// <param name="clip">Largest global gradient norm; 0 for no clipping.</param>
    protected Optimizer(ParameterStore store, double clip)
    {
        (Store, _clip, ByOperators) = (store, clip, !Cpu.Takes(store.Master));
        _norm = Own(new GradientNorm(store.Gradients));
    }

    /// <summary>
    /// What is carried from step to step: a buffer in the layout of the parameters under its name alone, e.g. <c>exp_avg</c>; a
    /// tensor of one parameter under its name and the parameter's, e.g. <c>exp_avg.head.weight</c>.
    /// </summary>
    public IReadOnlyDictionary<string, Tensor> State => _state;

    /// <summary>Whether updates go by libtorch's operators rather than by CPU kernels of ours: on every other device.</summary>
    internal bool ByOperators { get; init; }

    protected ParameterStore Store { get; }

    /// <summary>
    /// Clips the gradients by their global norm (Pascanu et al. 2013) and updates the masters and their copy in the compute
    /// type. Where the norm or the loss is not finite nothing is updated, so that the parameters stay usable; the caller sees the norm.
    /// </summary>
    /// <param name="step">Number of this step, from 1.</param>
    /// <param name="learningRate">Learning rate of this step.</param>
    /// <param name="lossScale">What the loss was multiplied by before its gradients were taken.</param>
    /// <param name="loss">The loss that the gradients are of.</param>
    /// <returns>The global norm of the gradients without that scale, before clipping.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="step"/> is below 1.</exception>
    public double Step(int step, double learningRate, double lossScale = 1, double loss = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(step, 1);
        var norm = _norm.Of() / lossScale;
        if (!double.IsFinite(norm) || !double.IsFinite(loss)) return norm;

        var clipping = _clip > 0 && norm > _clip ? _clip / norm : 1;
        Update(step, learningRate, (float)(clipping / lossScale));
        if (Casts) Store.Round();
        else Store.CastCompute();
        return norm;
    }

    /// <summary>Zeroes the state of parameters that are removed: buffers in the layout of the parameters, and tensors of one parameter.</summary>
    /// <param name="removed">bool [Length]</param>
    internal virtual void Forget(Tensor removed)
    {
        var parameters = Store.Layout.ToDictionary(info => info.Name);
        foreach (var (name, values) in State)
        {
            if (values.numel() == Store.Length) values.masked_fill_(removed, 0);
            else if (name.IndexOf('.', StringComparison.Ordinal) is > 0 and var end && parameters.TryGetValue(name[(end + 1)..], out var info))
            {
                using var part = removed.narrow(0, info.Offset, info.Length);
                using var mask = part.view(info.Shape);
                values.masked_fill_(mask, 0);
            }
        }
    }

    public void Dispose()
    {
        foreach (var owned in _owned) owned.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Whether <see cref="Update"/> writes the copy in the compute type as well.</summary>
    private protected virtual bool Casts => false;

    /// <summary>Updates the masters from the gradients.</summary>
    /// <param name="step">Number of this step, from 1.</param>
    /// <param name="learningRate">Learning rate of this step.</param>
    /// <param name="scale">The gradients are to be multiplied by it.</param>
    protected abstract void Update(int step, double learningRate, float scale);

    /// <summary>What is disposed with the optimizer.</summary>
    protected T Own<T>(T resource)
        where T : IDisposable
    {
        if (resource is Tensor tensor) tensor.DetachFromDisposeScope();
        _owned.Add(resource);
        return resource;
    }

    /// <summary>A zeroed buffer of state, fp32 in the layout of the parameters.</summary>
    protected Tensor NewState(string name)
    {
        var buffer = Own(zeros([Store.Length], ScalarType.Float32, Store.Master.device));
        AddState(name, buffer);
        return buffer;
    }

    protected void AddState(string name, Tensor values) => _state.Add(name, values);

    /// <summary>The two parts of the flat buffers with their weight decay: matrices and vectors.</summary>
    private protected IEnumerable<(long Offset, long Length, double Decay)> Ranges(double weightDecay, double vectorDecay)
    {
        if (Store.MatrixLength > 0) yield return (0, Store.MatrixLength, weightDecay);
        if (Store.Length > Store.MatrixLength) yield return (Store.MatrixLength, Store.Length - Store.MatrixLength, vectorDecay);
    }
}
