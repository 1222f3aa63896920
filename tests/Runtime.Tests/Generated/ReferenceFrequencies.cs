using ModelCompiler.ModelDsl;

namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>Rotary frequencies of each scaling in double precision, written from the papers.</summary>
internal static class ReferenceFrequencies
{
    /// <summary>The D/2 frequencies, and what queries and keys are multiplied by.</summary>
    public static (double[] Frequencies, double Magnitude) Of(int size, double theta, RopeScalingSpec? scaling, int context)
    {
        var plain = Enumerable.Range(0, size / 2).Select(i => Math.Pow(theta, -2.0 * i / size)).ToArray();
        if (scaling is null) return (plain, 1);
        var s = scaling.Factor;
        var original = scaling.OriginalContext ?? (int)(context / s);
        switch (scaling.Kind)
        {
            case RopeScalingKind.Linear:
                return ([.. plain.Select(f => f / s)], 1);
            case RopeScalingKind.Ntk:
                var larger = theta * Math.Pow(s, size / (size - 2.0));
                return ([.. plain.Select((_, i) => Math.Pow(larger, -2.0 * i / size))], 1);
            case RopeScalingKind.Llama3:
                // By wavelength, as Llama 3.1's reference code.
                return ([.. plain.Select(f =>
                {
                    var wavelength = 2 * Math.PI / f;
                    if (wavelength < original / scaling.HighFrequencyFactor) return f;
                    if (wavelength > original / scaling.LowFrequencyFactor) return f / s;
                    var smooth = ((original / wavelength) - scaling.LowFrequencyFactor) / (scaling.HighFrequencyFactor - scaling.LowFrequencyFactor);
                    return ((1 - smooth) * f / s) + (smooth * f);
                })], 1);
            default:
                // The pair that turns r times over the original context: L · theta^(−2i/D) = 2πr.
                double Pair(double r) => size / 2.0 * Math.Log(original / (2 * Math.PI * r), theta);
                var (low, high) = (Math.Max(0, Math.Floor(Pair(scaling.BetaFast))), Math.Min(size - 1, Math.Ceiling(Pair(scaling.BetaSlow))));
                return ([.. plain.Select((f, i) =>
                {
                    var interpolated = i <= low ? 0 : i >= high ? 1 : (i - low) / (high - low);
                    return (f * (1 - interpolated)) + (f / s * interpolated);
                })], scaling.AttentionFactor ?? ((0.1 * Math.Log(s)) + 1));
        }
    }
}
