namespace ModelCompiler.Runtime.Data.Curricula.Pacings;

/// <summary>The method of the model's class that is marked with <c>[Pacing]</c>.</summary>
internal sealed class MethodPacing(Func<double, double> method) : IPacing
{
    /// <exception cref="DataException">The method's answer is no share.</exception>
    public double At(double progress, double from, double to)
    {
        var share = method(progress);
        return share is >= 0 and <= 1
            ? from + ((to - from) * share)
            : throw new DataException(FormattableString.Invariant($"The [Pacing] method said {share} at {progress}; it must say a number from 0 to 1."));
    }
}
