using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// What meta-learning does with whole buffers of parameters: the inner steps of a copy, w ← w − rates ∘ g, and the way of the query loss's
/// gradient back through them (Finn et al. 2017; Li et al. 2017; Nichol et al. 2018). Everything is made once: tasks allocate no buffers.
/// </summary>
public sealed class InnerLoop : IDisposable
{
    private readonly List<Tensor> _owned = [];
    private readonly ParameterStore _origin, _copy;
    private readonly Tensor _initial, _weights, _gradients, _metaGradient, _rates, _back;
    private readonly Tensor? _ratesGradient, _ratesSum, _directions, _products;
    private readonly Tensor[] _kept;

    /// <param name="origin">The parameters that are learned; behind them, where the rates are learned, these in the same layout.</param>
    /// <param name="copy">The parameters that the inner steps move, in the layout of <paramref name="origin"/>.</param>
    /// <param name="rate">The inner rate, where it is not learned.</param>
    /// <param name="ratesAt">Where the learned rates begin in the buffers; 0 for none.</param>
    /// <param name="kept">Inner steps whose weights are kept, for second order; 0 for none.</param>
    /// <param name="adapted">The places, offset and length, that the inner steps move; empty for all.</param>
    public InnerLoop(ParameterStore origin, ParameterStore copy, double rate, long ratesAt = 0, int kept = 0, ReadOnlySpan<(long Offset, long Length)> adapted = default)
    {
        (_origin, _copy) = (origin, copy);
        var length = origin.Length - ratesAt;
        Tensor Part(Tensor of, long start) => Own(of.narrow(0, start, length));
        Tensor New() => Own(zeros([length], ScalarType.Float32, origin.Master.device));
        (_initial, _weights) = (Part(origin.Master, 0), Part(copy.Master, 0));
        (_metaGradient, _gradients, _back) = (Part(origin.Gradients, 0), Part(copy.Gradients, 0), New());
        if (ratesAt > 0)
        {
            _rates = Part(origin.Master, ratesAt);
            (_ratesGradient, _ratesSum) = (Part(origin.Gradients, ratesAt), New());
        }
        else
        {
            _rates = New();
            if (adapted.IsEmpty) _rates.fill_(rate);
            foreach (var (offset, count) in adapted)
            {
                using var place = _rates.narrow(0, offset, count);
                place.fill_(rate);
            }
        }

        _kept = [.. Enumerable.Range(0, kept).Select(_ => New())];
        if (kept == 0) return;
        Directions = new ParameterStore(origin.Master.device, [.. origin.Layout.Where(info => info.Offset < length)], ScalarType.Float32);
        (_directions, _products) = (Part(Directions.Master, 0), Part(Directions.Gradients, 0));
    }

    /// <summary>For second order: the direction as parameters, and the Hessian's product with it as their gradients.</summary>
    public ParameterStore Directions { get; } = null!;

    private bool IsSecondOrder => _kept.Length > 0;

    /// <summary>Throws where a task's rows are not as many as the program takes.</summary>
    /// <exception cref="ArgumentException">They are not.</exception>
    public static void Check(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, int length)
    {
        if (tokens.Length != length || targets.Length != length)
            throw new ArgumentException($"A task of {tokens.Length} inputs and {targets.Length} targets does not fit; give {length} of each: a batch of its support set, then a batch of its query set.");
    }

    /// <summary>Begins a task: the copy becomes the learned parameters.</summary>
    public void Start()
    {
        _copy.CopyFrom(_origin);
        _ratesSum?.zero_();
    }

    /// <summary>Keeps the weights before an inner step.</summary>
    public void Keep(int step) => _kept[step].copy_(_weights);

    /// <summary>An inner step, by the copy's gradients.</summary>
    public void Step()
    {
        if (!IsSecondOrder) _ratesSum?.add_(_gradients);
        _weights.addcmul_(_rates, _gradients, HeldScalars.MinusOne);
        _copy.CastCompute();
    }

    /// <summary>Takes the gradient of the query loss in the adapted weights, v.</summary>
    public void Query()
    {
        _back.copy_(_gradients);
        if (!IsSecondOrder) _ratesSum?.mul_(_back).neg_();
    }

    /// <summary>Back to the weights before an inner step, with the direction rates ∘ v.</summary>
    public void Direct(int step)
    {
        _weights.copy_(_kept[step]);
        _directions!.copy_(_rates).mul_(_back);
    }

    /// <summary>v ← v − the product; the gradient of the rates gets −g ∘ v.</summary>
    public void Return()
    {
        _ratesSum?.addcmul_(_gradients, _back, HeldScalars.MinusOne);
        _back.sub_(_products!);
    }

    /// <summary>Takes the way from the adapted weights back for the gradient (Reptile).</summary>
    public void Displace() => _back.copy_(_initial).sub_(_weights);

    /// <summary>Ends a task: its share goes to the gradients of the learned parameters.</summary>
    /// <param name="first">Whether it is the step's first task.</param>
    /// <param name="share">One over the tasks of a step.</param>
    public void Add(bool first, double share)
    {
        Add(_back, _metaGradient);
        if (_ratesSum is not null) Add(_ratesSum, _ratesGradient!);

        void Add(Tensor gradient, Tensor into)
        {
            if (first) into.copy_(gradient).mul_(share);
            else into.add_(gradient, share);
        }
    }

    public void Dispose()
    {
        foreach (var tensor in _owned) tensor.Dispose();
        Directions?.Dispose();
    }

    private Tensor Own(Tensor tensor)
    {
        _owned.Add(tensor.DetachFromDisposeScope());
        return tensor;
    }
}
