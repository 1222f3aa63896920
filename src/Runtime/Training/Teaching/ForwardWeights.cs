using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// The weights that a forward pass reads, and nothing else of a model: each in the type in which it is read, without masters, gradients or
/// optimizer state. They stay as they are.
/// </summary>
/// <param name="source">The parameters that they are copied from; not needed when the views have been made.</param>
/// <param name="compute">What <see cref="Weight"/> gives.</param>
public sealed class ForwardWeights(ParameterStore source, ScalarType compute) : IDisposable
{
    private readonly Dictionary<(long Offset, ScalarType Type), Tensor> _views = [];

    /// <summary>A view in the compute type. The weights own it.</summary>
    /// <param name="offset">Its first element in the layout of the parameters.</param>
    /// <param name="shape">Its dimensions; it may span several parameters that lie side by side.</param>
    public Tensor Weight(long offset, params ReadOnlySpan<long> shape) => View(offset, compute, shape);

    /// <summary>A view in fp32.</summary>
    /// <param name="offset">Its first element in the layout of the parameters.</param>
    /// <param name="shape">Its dimensions.</param>
    public Tensor MasterView(long offset, params ReadOnlySpan<long> shape) => View(offset, ScalarType.Float32, shape);

    public void Dispose()
    {
        foreach (var view in _views.Values) view.Dispose();
        _views.Clear();
    }

    /// <summary>Steps of several lengths read the same.</summary>
    private Tensor View(long offset, ScalarType type, ReadOnlySpan<long> shape)
    {
        if (_views.TryGetValue((offset, type), out var known)) return known;
        var length = 1L;
        foreach (var dimension in shape) length *= dimension;
        using var scope = NewDisposeScope();
        var view = source.Master.narrow(0, offset, length).view(shape.ToArray()).to(type, copy: true).DetachFromDisposeScope();
        return _views[(offset, type)] = view;
    }
}
