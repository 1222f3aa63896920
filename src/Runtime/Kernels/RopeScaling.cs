namespace ModelCompiler.Runtime;

/// <summary>
/// What becomes of the frequencies theta^(−2i/D) of rotary embedding, so that a model reads sequences longer than those it was
/// trained on. The default leaves them.
/// </summary>
public readonly record struct RopeScaling
{
    private readonly Kind _kind;
    private readonly double _factor;
    private readonly double _original;
    private readonly double _low;
    private readonly double _high;
    private readonly double _magnitude;

    private RopeScaling(Kind kind, double factor, double original = 0, double low = 0, double high = 0, double magnitude = 1) =>
        (_kind, _factor, _original, _low, _high, _magnitude) = (kind, factor, original, low, high, magnitude);

    private enum Kind
    {
        None,
        Linear,
        Ntk,
        Yarn,
        Llama3,
    }

    /// <summary>All frequencies divided by the factor: position interpolation (Chen et al. 2023).</summary>
    public static RopeScaling Linear(double factor) => new(Kind.Linear, factor);

    /// <summary>
    /// The base times factor^(D/(D − 2)), under which the slowest pair is divided by the factor and the fastest is kept (NTK-aware;
    /// bloc97 2023).
    /// </summary>
    public static RopeScaling Ntk(double factor) => new(Kind.Ntk, factor);

    /// <summary>
    /// YaRN (Peng et al. 2023): fast pairs keep their frequency, slow ones are divided by the factor, with a ramp over the pairs between
    /// those that turn high and low times over the original context, rounded outwards as in the authors' code.
    /// </summary>
    /// <param name="factor">How many times longer sequences become.</param>
    /// <param name="original">The context before scaling.</param>
    /// <param name="low">Turns of the slow end, β-slow.</param>
    /// <param name="high">Turns of the fast end, β-fast.</param>
    /// <param name="magnitude">What queries and keys are multiplied by: 0.1 ln(factor) + 1.</param>
    public static RopeScaling Yarn(double factor, double original, double low, double high, double magnitude) =>
        new(Kind.Yarn, factor, original, low, high, magnitude);

    /// <summary>
    /// Llama 3.1 (2024): pairs that turn more than high times over the original context keep their frequency, those that turn less than
    /// low times are divided by the factor, with a blend over the number of turns between.
    /// </summary>
    public static RopeScaling Llama3(double factor, double original, double low, double high) => new(Kind.Llama3, factor, original, low, high);

    /// <summary>What rotated pairs are multiplied by.</summary>
    internal double Magnitude => _kind == Kind.None ? 1 : _magnitude;

    /// <summary>The angle per position of pair i of D/2.</summary>
    internal double Frequency(long i, long half, double theta)
    {
        var plain = Math.Pow(theta, -(double)i / half);
        return _kind switch
        {
            Kind.None => plain,
            Kind.Linear => plain / _factor,
            Kind.Ntk => half == 1 ? plain : plain * Math.Pow(_factor, -(double)i / (half - 1)),
            Kind.Llama3 => Blend(plain, ((_original * plain / (2 * Math.PI)) - _low) / (_high - _low)),
            _ => Blend(plain, 1 - Ramp(i, half, theta)),
        };
    }

    /// <summary>From 0 at the pair that turns high times over the original context to 1 at the one that turns low times.</summary>
    private double Ramp(long i, long half, double theta)
    {
        var first = Math.Max(0, Math.Floor(Pair(_high, half, theta)));
        var last = Math.Min((2 * half) - 1, Math.Ceiling(Pair(_low, half, theta)));
        return (i - first) / Math.Max(last - first, 0.001);
    }

    private double Pair(double turns, long half, double theta) => half * Math.Log(_original / (turns * 2 * Math.PI)) / Math.Log(theta);

    /// <summary>A frequency of which this share is kept, and the rest divided by the factor.</summary>
    private double Blend(double plain, double share) => double.Lerp(plain / _factor, plain, Math.Clamp(share, 0, 1));
}
