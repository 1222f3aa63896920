namespace ModelCompiler.Runtime.Training.Optimizers;

/// <summary>AdamW: Adam with decoupled weight decay (Loshchilov and Hutter 2019). State: <c>exp_avg</c>, <c>exp_avg_sq</c>.</summary>
public sealed class AdamWOptimizer : Optimizer
{
    private readonly AdamWRanges _ranges;

    /// <param name="store">The parameters and their gradients.</param>
    /// <param name="beta1">Decay of the first moment.</param>
    /// <param name="beta2">Decay of the second moment.</param>
    /// <param name="epsilon">Added to the root of the second moment.</param>
    /// <param name="weightDecay">Decoupled weight decay of matrices.</param>
    /// <param name="vectorDecay">Decoupled weight decay of vectors.</param>
    /// <param name="clip">Largest global gradient norm; 0 for no clipping.</param>
    public AdamWOptimizer(ParameterStore store, double beta1, double beta2, double epsilon, double weightDecay, double vectorDecay, double clip)
        : base(store, clip)
    {
        _ranges = Own(new AdamWRanges(store.Master.device));
        var (first, second) = (NewState("exp_avg"), NewState("exp_avg_sq"));
        foreach (var range in Ranges(weightDecay, vectorDecay))
        {
            var (m, v) = (first.narrow(0, range.Offset, range.Length), second.narrow(0, range.Offset, range.Length));
            _ranges.Add(new AdamWRange(store, range, m.DetachFromDisposeScope(), v.DetachFromDisposeScope(), new(beta1, beta2, epsilon), casts: true));
        }
    }

    private protected override bool Casts => !ByOperators;

    protected override void Update(int step, double learningRate, float scale) => _ranges.Update(step, learningRate, scale, ByOperators);
}
