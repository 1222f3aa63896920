using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Optimizers;

/// <summary>
/// Stochastic gradient descent with momentum (Polyak 1964) or Nesterov's (Sutskever et al. 2013), and decoupled weight decay
/// (SGDW, Loshchilov and Hutter 2019): m ← μ·m + g; p ← (1 − η·λ)·p − η·m, with Nesterov − η·(g + μ·m). State: <c>momentum_buffer</c>.
/// </summary>
public sealed class SgdOptimizer : Optimizer
{
    private readonly MomentumRange[] _ranges;
    private readonly float _momentum;
    private readonly bool _nesterov;

    /// <param name="store">The parameters and their gradients.</param>
    /// <param name="momentum">μ, the share of the momentum that is kept.</param>
    /// <param name="nesterov">Whether the update looks ahead.</param>
    /// <param name="weightDecay">Decoupled weight decay λ of matrices.</param>
    /// <param name="vectorDecay">Decoupled weight decay λ of vectors.</param>
    /// <param name="clip">Largest global gradient norm; 0 for no clipping.</param>
    public SgdOptimizer(ParameterStore store, double momentum, bool nesterov, double weightDecay, double vectorDecay, double clip)
        : base(store, clip)
    {
        (_momentum, _nesterov) = ((float)momentum, nesterov);
        var state = NewState("momentum_buffer");
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
                    Scale = Vector512.Create(scale), Momentum = Vector512.Create(_momentum), Keep = Vector512.Create(keep),
                    Rate = Vector512.Create(-rate), Nesterov = _nesterov,
                });
                continue;
            }

            range.State.mul_(_momentum).add_(range.Gradients, scale);
            range.Parameters.mul_(keep);
            if (_nesterov) range.Parameters.add_(range.Gradients, -rate * scale).add_(range.State, -rate * _momentum);
            else range.Parameters.add_(range.State, -rate);
        }
    }

    private struct Rule : IMomentumRule
    {
        public Vector512<float> Scale, Momentum, Keep, Rate;
        public bool Nesterov;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Apply(ref Vector512<float> parameter, ref Vector512<float> state, Vector512<float> gradient)
        {
            gradient *= Scale;
            state = Vector512.FusedMultiplyAdd(state, Momentum, gradient);
            var direction = Nesterov ? Vector512.FusedMultiplyAdd(state, Momentum, gradient) : state;
            parameter = Vector512.FusedMultiplyAdd(direction, Rate, parameter * Keep);
        }
    }
}
