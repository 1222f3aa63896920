namespace ModelCompiler.Runtime.Onnx.Verification;

/// <summary>How far results are from those that they ought to be.</summary>
internal sealed class LogitErrors
{
    private readonly List<double> _shares = [];
    private double _sum;
    private long _compared;

    public double Max { get; private set; }

    public double Mean => _sum / _compared;

    /// <summary>
    /// Of the calls' largest differences, each in proportion to the largest value of its call or to 1, the one that so many are at most;
    /// infinite where more are not numbers.
    /// </summary>
    /// <param name="quantile">A share of the calls, above 0 to 1.</param>
    public double Share(double quantile) => _shares.OrderBy(share => double.IsNaN(share) ? double.PositiveInfinity : share).ElementAt((int)Math.Ceiling(quantile * _shares.Count) - 1);

    /// <summary>Compares the results of one call.</summary>
    public void Compare(ReadOnlySpan<float> found, ReadOnlySpan<float> wanted)
    {
        var (most, largest) = (0.0, 1.0);
        for (var i = 0; i < wanted.Length; i++)
        {
            var error = Math.Abs((double)found[i] - wanted[i]);
            (most, largest, _sum) = (Math.Max(most, error), Math.Max(largest, Math.Abs(wanted[i])), _sum + error);
        }

        Max = Math.Max(Max, most);
        _shares.Add(most / largest);
        _compared += wanted.Length;
    }
}
