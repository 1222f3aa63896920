using System.Globalization;
using ModelCompiler.Runtime.Training.Optimizers;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Pruning;

/// <summary>
/// Parameters that are removed during training: zero in the masters and in their copy in the compute type, in the gradients, in the
/// optimizer's state and in averaged weights, exactly and at every step. The mask is in the run's checkpoints.
/// </summary>
public sealed class WeightPruning : ICheckpointPart, IMetricSource, IDisposable
{
    private readonly ParameterStore _store;
    private readonly PruningRule _method;
    private readonly RemovalSchedule _schedule;
    private readonly Optimizer _optimizer;
    private readonly RewindPoint? _rewind;
    private RecentBatches? _recent;
    private BatchReader? _read;
    private bool _observing;
    private double _share;

    /// <param name="store">The parameters.</param>
    /// <param name="method">Chooses what is removed; it is disposed with this.</param>
    /// <param name="schedule">When.</param>
    /// <param name="optimizer">Its state forgets what is removed.</param>
    public WeightPruning(ParameterStore store, PruningRule method, RemovalSchedule schedule, Optimizer optimizer)
    {
        (_store, _method, _schedule, _optimizer) = (store, method, schedule, optimizer);
        if (schedule.Rewind is not null) _rewind = new RewindPoint(store, optimizer.State);
    }

    /// <inheritdoc/>
    public string Name => "pruning";

    /// <summary>When parameters are removed.</summary>
    public RemovalSchedule Schedule => _schedule;

    /// <summary>Whether all is removed that is to be: validations before that are of a denser model.</summary>
    public bool IsComplete => _share >= 1;

    /// <summary>bool [<see cref="ParameterStore.Length"/>]: true where a parameter is removed.</summary>
    internal Tensor Removed => _method.Removed;

    /// <summary>Averaged weights, which forget what is removed too.</summary>
    public WeightAverage? Average { get; init; }

    /// <summary>Has the method observe the layers' inputs: the last batches are kept, and read again before each choice.</summary>
    /// <param name="batches">How many batches.</param>
    /// <param name="tokens">Tokens of the largest.</param>
    /// <param name="read">The forward pass, which calls <see cref="Observe"/>.</param>
    public void ReadAgain(int batches, int tokens, BatchReader read) => (_recent, _read) = (new RecentBatches(batches, tokens), read);

    /// <summary>Told of the inputs of a product at each forward pass; notes them only in its own.</summary>
    /// <param name="site">The product.</param>
    /// <param name="set">The set of parameters.</param>
    /// <param name="x">[N, K]</param>
    public void Observe(int site, int set, Tensor x)
    {
        if (_observing) _method.Observations!.Add(site, set, x);
    }

    /// <summary>Told of the input and the output of a repeated block at each forward pass; notes them only in its own.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="input">[N, C]</param>
    /// <param name="output">[N, C]</param>
    public void ObserveLayer(int layer, Tensor input, Tensor output)
    {
        if (_observing) _method.Observations!.AddLayer(layer, input, output);
    }

    /// <summary>Told of each batch that is trained on.</summary>
    public void Remember(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets) => _recent?.Add(tokens, targets);

    /// <summary>Zeroes the gradients of what is removed, before the optimizer's step.</summary>
    /// <param name="lossScale">What the gradients are multiplied by.</param>
    public void MaskGradients(double lossScale = 1)
    {
        _method.Gather(lossScale);
        if (_share > 0) _store.Gradients.masked_fill_(_method.Removed, 0);
    }

    /// <summary>Zeroes what is removed after the optimizer's step, and removes what the schedule says.</summary>
    /// <param name="step">The step's number, from 1.</param>
    public void Update(int step)
    {
        if (step == _schedule.Rewind) _rewind!.Save();
        if (_schedule.Share(step) is { } share) Remove(share);
        else if (_share > 0) MaskWeights();
    }

    /// <inheritdoc/>
    public void Describe(CheckpointTable table)
    {
        table.Tensor("removed", _method.Removed);
        table.Value("share", () => _share, share => _share = share);
        _method.Describe(table);
        _rewind?.Describe(table);
        _recent?.Describe(table);
    }

    /// <summary>The share of the targets that is removed.</summary>
    public void Report(StepMetrics metrics) => metrics.Add("sparsity", _share * _method.Sparsity);

    /// <inheritdoc/>
    public IEnumerable<(string Name, string Value)> Facts() =>
        [("pruned", string.Create(CultureInfo.InvariantCulture, $"{_share * _method.Sparsity:P1} of the targets{(IsComplete ? "" : $", where {_method.Sparsity:P1} were declared: the run ended before")}"))];

    /// <inheritdoc/>
    public void Dispose()
    {
        _rewind?.Dispose();
        _method.Observations?.Dispose();
        _method.Dispose();
    }

    private void Remove(double share)
    {
        using var gradientless = no_grad();
        _method.Reveal();
        if (_recent is not null)
        {
            _observing = true;
            _recent.Read(_read!);
            _observing = false;
        }

        _method.Choose(share);
        _method.Observations?.Dispose();
        _rewind?.Restore();
        _method.Hide();
        _share = share;
        _store.Master.masked_fill_(_method.Removed, 0);
        _store.CastCompute();
        _optimizer.Forget(_method.Removed);
        Average?.Forget(_method.Removed);
    }

    private void MaskWeights()
    {
        _store.Master.masked_fill_(_method.Removed, 0);
        _store.Copy?.masked_fill_(_method.Removed, 0);
    }
}
