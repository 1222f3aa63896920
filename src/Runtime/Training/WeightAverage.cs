using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// The exponential moving average of a model's parameters (Polyak and Juditsky 1992; Morales-Brotons et al. 2024): it often
/// validates better than the parameters themselves while the learning rate is high.
/// </summary>
public sealed class WeightAverage : ICheckpointPart, IMetricSource, IDisposable
{
    private readonly ParameterStore _store;
    private readonly Tensor _average;
    private readonly double _decay;
    private readonly bool _warmup;
    private double _validation = double.NaN;

    /// <param name="store">The parameters.</param>
    /// <param name="decay">Share of the average that a step keeps.</param>
    /// <param name="warmup">Whether step t keeps at most (1 + t) / (10 + t), so that the average does not remember the first steps for long.</param>
    public WeightAverage(ParameterStore store, double decay, bool warmup)
    {
        (_store, _decay, _warmup, ByOperators) = (store, decay, warmup, !Cpu.Takes(store.Master));
        _average = zeros([store.Length], ScalarType.Float32, store.Master.device).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public string Name => "ema";

    /// <summary>Whether it goes by libtorch's operators rather than by CPU kernels of ours: on every other device.</summary>
    internal bool ByOperators { get; init; }

    /// <summary>The lowest validation loss of the average so far.</summary>
    internal double BestLoss { get; private set; } = double.PositiveInfinity;

    /// <summary>Takes the parameters after a step into the average; the first step's begin it.</summary>
    /// <param name="step">The step's number, from 1.</param>
    public void Update(int step)
    {
        var decay = step == 1 ? 0 : _warmup ? Math.Min(_decay, (1.0 + step) / (10 + step)) : _decay;
        if (!ByOperators) MomentumUpdate.Run(_store.Master, _store.Master, _average, new Mean { Rest = Vector512.Create((float)(1 - decay)) });
        else _average.lerp_(_store.Master, 1 - decay);
    }

    /// <summary>
    /// Exchanges the parameters and their average, so that the model is the averaged one until the next exchange. The values
    /// come back as they were.
    /// </summary>
    public void Exchange()
    {
        if (!ByOperators)
        {
            MomentumUpdate.Run(_store.Master, _store.Master, _average, default(Swap));
        }
        else
        {
            using var parameters = _store.Master.clone();
            _store.Master.copy_(_average);
            _average.copy_(parameters);
        }

        _store.CastCompute();
    }

    /// <summary>Zeroes the average of parameters that are removed.</summary>
    /// <param name="removed">bool [Length]</param>
    internal void Forget(Tensor removed) => _average.masked_fill_(removed, 0);

    /// <inheritdoc/>
    public void Describe(CheckpointTable table)
    {
        table.Parameters("average", _average);
        table.Value("best-loss", () => BestLoss, loss => BestLoss = loss);
        table.Value("validation", () => _validation, loss => _validation = loss);
    }

    /// <summary>The average's loss, at the step after each validation.</summary>
    public void Report(StepMetrics metrics)
    {
        metrics.Add("ema-validation", _validation);
        _validation = double.NaN;
    }

    /// <inheritdoc/>
    public IEnumerable<(string Name, string Value)> Facts() =>
        [("lowest validation loss of averaged weights", BestLoss.ToString("F4", CultureInfo.InvariantCulture))];

    /// <inheritdoc/>
    public void Dispose() => _average.Dispose();

    /// <returns>Whether the loss is the lowest so far.</returns>
    internal bool Validated(double loss)
    {
        _validation = loss;
        if (!(loss < BestLoss)) return false;
        BestLoss = loss;
        return true;
    }

    private struct Mean : IMomentumRule
    {
        public Vector512<float> Rest;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Apply(ref Vector512<float> parameter, ref Vector512<float> state, Vector512<float> gradient) =>
            state = Vector512.FusedMultiplyAdd(parameter - state, Rest, state);
    }

    private readonly struct Swap : IMomentumRule
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply(ref Vector512<float> parameter, ref Vector512<float> state, Vector512<float> gradient) =>
            (parameter, state) = (state, parameter);
    }
}
