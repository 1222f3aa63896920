namespace ModelCompiler.Runtime.Onnx.Verification;

/// <summary>How far logits are from those that they ought to be.</summary>
internal sealed class LogitErrors
{
    private double _sum;
    private long _compared;

    public double Max { get; private set; }

    public double Mean => _sum / _compared;

    public void Compare(ReadOnlySpan<float> found, ReadOnlySpan<float> wanted)
    {
        for (var i = 0; i < wanted.Length; i++)
        {
            var error = Math.Abs((double)found[i] - wanted[i]);
            (Max, _sum) = (Math.Max(Max, error), _sum + error);
        }

        _compared += wanted.Length;
    }

    /// <summary>The cross-entropy of logits [V] in nats.</summary>
    public static double CrossEntropy(ReadOnlySpan<float> logits, long target)
    {
        var (largest, sum) = (float.NegativeInfinity, 0.0);
        foreach (var logit in logits) largest = Math.Max(largest, logit);
        foreach (var logit in logits) sum += Math.Exp(logit - largest);
        return largest + Math.Log(sum) - logits[(int)target];
    }
}
