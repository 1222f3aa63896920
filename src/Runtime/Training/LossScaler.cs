using System.Globalization;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// Dynamic loss scaling (Micikevicius et al. 2018): the gradient of the loss is multiplied by a scale, so that small gradients stay
/// within fp16's range, and the optimizer divides by it as it reads. A step whose gradients overflow is not made, and lowers the
/// scale; a number of steps without one raises it.
/// </summary>
/// <param name="initial">The scale of the first step.</param>
/// <param name="growth">What the scale is multiplied by after <paramref name="interval"/> steps without overflow; 1 keeps it fixed.</param>
/// <param name="interval">Steps.</param>
/// <param name="backoff">What the scale is multiplied by at an overflow; 1 keeps it fixed.</param>
public sealed class LossScaler(double initial, double growth, int interval, double backoff) : ICheckpointPart, IMetricSource
{
    // fp32 sums of fp16 gradients leave room up to here; below 1 a scale would only lose digits.
    private const double Largest = 1 << 24;

    private int _good;

    /// <inheritdoc/>
    public string Name => "loss-scale";

    /// <summary>The scale of the step to come.</summary>
    public double Scale { get; private set; } = initial;

    /// <summary>Steps not made because their gradients overflowed.</summary>
    public long Overflows { get; private set; }

    /// <summary>Takes note of a step.</summary>
    /// <param name="loss">Its loss, without the scale.</param>
    /// <param name="norm">The global norm of its gradients: infinite or NaN where they overflowed, and nothing was updated.</param>
    /// <returns>
    /// Whether the step overflowed and a lower scale may help. Where the loss itself is not finite, or the scale cannot be lowered,
    /// it is not the scale's fault: the run's <c>on-nan</c> decides.
    /// </returns>
    public bool Overflowed(double loss, double norm)
    {
        if (!double.IsFinite(loss)) return false;
        if (double.IsFinite(norm))
        {
            if (++_good < interval) return false;
            _good = 0;
            Scale = Math.Max(Scale, Math.Min(Largest, Scale * growth));
            return false;
        }

        _good = 0;
        var lower = Math.Max(Math.Min(1, Scale), Scale * backoff);
        if (lower == Scale) return false;
        Scale = lower;
        Overflows++;
        return true;
    }

    /// <inheritdoc/>
    public void Describe(CheckpointTable table)
    {
        table.Value("scale", () => Scale, scale => Scale = scale);
        table.Value("good-steps", () => _good, good => _good = good);
        table.Value("overflows", () => Overflows, overflows => Overflows = overflows);
    }

    /// <inheritdoc/>
    public void Report(StepMetrics metrics)
    {
        metrics.Add("loss-scale", Scale);
        metrics.Add("overflows", Overflows);
    }

    /// <inheritdoc/>
    public IEnumerable<(string Name, string Value)> Facts() =>
    [
        ("loss scale at the end", Scale.ToString("R", CultureInfo.InvariantCulture)),
        ("steps skipped because gradients overflowed fp16", Overflows.ToString("N0", CultureInfo.InvariantCulture)),
    ];
}
