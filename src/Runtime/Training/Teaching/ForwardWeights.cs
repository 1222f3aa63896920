using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// The weights that a forward pass reads, and nothing else of a model: each in the type in which it is read, without masters, gradients or
/// optimizer state. They stay as they are until <see cref="Refresh"/>.
/// </summary>
/// <param name="source">The parameters that they are copied from; when the views have been made, only needed to refresh them.</param>
/// <param name="compute">What <see cref="Weight"/> gives.</param>
public sealed class ForwardWeights(ParameterStore source, ScalarType compute) : IDisposable
{
    private readonly Dictionary<(long Offset, ScalarType Type), Tensor> _views = [];
    private readonly List<(Tensor View, Tensor Of)> _sources = []; // made by the first refresh: without one the parameters may go

    /// <summary>A view in the compute type. The weights own it.</summary>
    /// <param name="offset">Its first element in the layout of the parameters.</param>
    /// <param name="shape">Its dimensions; it may span several parameters that lie side by side.</param>
    public Tensor Weight(long offset, params ReadOnlySpan<long> shape) => View(offset, compute, shape);

    /// <summary>A view in fp32.</summary>
    /// <param name="offset">Its first element in the layout of the parameters.</param>
    /// <param name="shape">Its dimensions.</param>
    public Tensor MasterView(long offset, params ReadOnlySpan<long> shape) => View(offset, ScalarType.Float32, shape);

    /// <summary>Copies the parameters again, as they are now.</summary>
    public void Refresh()
    {
        if (_sources.Count == 0)
            foreach (var ((offset, _), view) in _views) _sources.Add((view, Source(offset, view.shape).DetachFromDisposeScope()));
        foreach (var (view, of) in _sources) view.copy_(of);
    }

    public void Dispose()
    {
        foreach (var view in _views.Values) view.Dispose();
        foreach (var (_, of) in _sources) of.Dispose();
        _views.Clear();
        _sources.Clear();
    }

    /// <summary>Steps of several lengths read the same.</summary>
    private Tensor View(long offset, ScalarType type, ReadOnlySpan<long> shape)
    {
        if (_views.TryGetValue((offset, type), out var known)) return known;
        using var of = Source(offset, shape);
        return _views[(offset, type)] = of.to(type, copy: true).DetachFromDisposeScope();
    }

    private Tensor Source(long offset, ReadOnlySpan<long> shape)
    {
        var length = 1L;
        foreach (var dimension in shape) length *= dimension;
        using var flat = source.Master.narrow(0, offset, length);
        return flat.view(shape.ToArray());
    }
}
