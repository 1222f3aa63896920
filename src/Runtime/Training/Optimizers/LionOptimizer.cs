using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Optimizers;

/// <summary>
/// Lion (Chen et al. 2023): p ← (1 − η·λ)·p − η·sign(β₁·m + (1 − β₁)·g), then m ← β₂·m + (1 − β₂)·g. State: <c>exp_avg</c>.
/// </summary>
public sealed class LionOptimizer : Optimizer
{
    private readonly MomentumRange[] _ranges;
    private readonly float _beta1;
    private readonly float _beta2;

    /// <param name="store">The parameters and their gradients.</param>
    /// <param name="beta1">β₁, the momentum's share in the update's sign.</param>
    /// <param name="beta2">β₂, the decay of the momentum.</param>
    /// <param name="weightDecay">Decoupled weight decay λ of matrices.</param>
    /// <param name="vectorDecay">Decoupled weight decay λ of vectors.</param>
    /// <param name="clip">Largest global gradient norm; 0 for no clipping.</param>
    public LionOptimizer(ParameterStore store, double beta1, double beta2, double weightDecay, double vectorDecay, double clip)
        : base(store, clip)
    {
        (_beta1, _beta2) = ((float)beta1, (float)beta2);
        var state = NewState("exp_avg");
        _ranges = [.. Ranges(weightDecay, vectorDecay).Select(range => Own(new MomentumRange(store, range, state)))];
    }

    protected override void Update(int step, double learningRate, float scale)
    {
        foreach (var range in _ranges)
        {
            var (rate, keep) = ((float)learningRate, range.Keep(learningRate));
            if (!ByOperators)
            {
                MomentumUpdate.Run(range.Parameters, range.Gradients, range.State, new Rule
                {
                    Beta1 = Vector512.Create(_beta1), Gradient1 = Vector512.Create((1 - _beta1) * scale), Beta2 = Vector512.Create(_beta2),
                    Gradient2 = Vector512.Create((1 - _beta2) * scale), Keep = Vector512.Create(keep), Rate = Vector512.Create(rate),
                });
                continue;
            }

            using var direction = range.State * _beta1;
            direction.add_(range.Gradients, (1 - _beta1) * scale).sign_();
            range.Parameters.mul_(keep).add_(direction, -rate);
            range.State.mul_(_beta2).add_(range.Gradients, (1 - _beta2) * scale);
        }
    }

    private struct Rule : IMomentumRule
    {
        public Vector512<float> Beta1, Gradient1, Beta2, Gradient2, Keep, Rate;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Apply(ref Vector512<float> parameter, ref Vector512<float> state, Vector512<float> gradient)
        {
            var direction = Vector512.FusedMultiplyAdd(state, Beta1, gradient * Gradient1);
            // The rate with the direction's sign; nothing moves where the direction is 0, as where a parameter was never used.
            var move = Vector512.ConditionalSelect(Vector512.LessThan(direction, Vector512<float>.Zero), Rate, -Rate);
            move = Vector512.ConditionalSelect(Vector512.Equals(direction, Vector512<float>.Zero), Vector512<float>.Zero, move);
            parameter = Vector512.FusedMultiplyAdd(parameter, Keep, move);
            state = Vector512.FusedMultiplyAdd(state, Beta2, gradient * Gradient2);
        }
    }
}
