using ModelCompiler.ModelDsl;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training;

/// <summary>A term of the loss beside cross-entropy.</summary>
public enum LossTerm
{
    /// <summary>The divergence of predictions.</summary>
    Divergence,

    /// <summary>The mean square difference of hidden states.</summary>
    Hidden,

    /// <summary>The divergence of relations between positions.</summary>
    Relations,
}

/// <summary>
/// The terms of a distillation loss: their means over a step, and the factors that balance them. Under <c>balance: normalized</c> each term is
/// multiplied by the running mean of the cross-entropy over its own, of the steps before; so its weight says what it counts against
/// cross-entropy, however large it is. Running means are exponential, of decay 0.99, from the first step's values on.
/// </summary>
internal sealed class LossBalance : IDisposable
{
    private const double Decay = 0.99;
    private const int Terms = 3;

    private readonly DistillationSpec _settings;
    private readonly Device _device;
    private readonly Tensor?[] _sums = new Tensor?[Terms];
    private readonly double[] _step = new double[Terms + 1]; // sums of a step's micro-batches, the cross-entropy last
    private readonly double[] _means = new double[Terms + 1]; // running means, alike
    private int _micro;
    private bool _finished;

    public LossBalance(DistillationSpec settings, Device device) => (_settings, _device) = (settings, device);

    /// <summary>fp32 []: where kernels sum a term of a micro-batch.</summary>
    public Tensor Sum(LossTerm term) => _sums[(int)term] ??= zeros([], ScalarType.Float32, _device).DetachFromDisposeScope();

    /// <summary>1 unless terms are normalized, and in the first step.</summary>
    public double Factor(LossTerm term) =>
        _settings.Balance == BalanceKind.Normalized && _means[(int)term] > 0 ? _means[Terms] / _means[(int)term] : 1;

    public void Observe(double loss, double divergence)
    {
        if (_finished)
        {
            Array.Clear(_step);
            (_micro, _finished) = (0, false);
        }

        _step[(int)LossTerm.Divergence] += divergence;
        _step[Terms] += loss;
        for (var term = 0; term < Terms; term++)
        {
            if (_sums[term] is not { } sum) continue;
            _step[term] += StepInput.Read(sum);
            sum.zero_();
        }

        _micro++;
    }

    /// <summary>Ends a step.</summary>
    public void Update()
    {
        for (var i = 0; i < _step.Length; i++)
        {
            var value = _step[i] / Math.Max(1, _micro);
            if (double.IsFinite(value)) _means[i] = _means[i] == 0 ? value : (Decay * _means[i]) + ((1 - Decay) * value);
        }

        _finished = true;
    }

    public void Describe(CheckpointTable table)
    {
        if (_settings.Balance == BalanceKind.Normalized) table.Array("means", _means);
    }

    public void Report(StepMetrics metrics)
    {
        metrics.Add("divergence", Mean(LossTerm.Divergence));
        if (_settings.Hidden is not null) metrics.Add("hidden-loss", Mean(LossTerm.Hidden));
        if (_settings.Relations is not null) metrics.Add("relation-loss", Mean(LossTerm.Relations));
        _finished = true;
    }

    public void Dispose()
    {
        foreach (var sum in _sums) sum?.Dispose();
    }

    private double Mean(LossTerm term) => _micro == 0 ? double.NaN : _step[(int)term] / _micro;
}
