using System.Text.Json.Nodes;

namespace ModelCompiler.Runtime.Tests.HuggingFace.Reference;

/// <summary>Rotary frequencies as the documentation of transformers' <c>rope_scaling</c> has them.</summary>
internal static class RotaryReference
{
    /// <summary>The frequencies of D/2 pairs, and what queries and keys are multiplied by.</summary>
    public static (double[] Frequencies, double Magnitude) Of(JsonObject config, int size)
    {
        var theta = (double?)config["rope_theta"] ?? 10_000;
        var plain = Enumerable.Range(0, size / 2).Select(i => 1 / Math.Pow(theta, 2.0 * i / size)).ToArray();
        if (config["rope_scaling"] is not JsonObject scaling)
            return (plain, 1);
        var factor = (double)scaling["factor"]!;
        var original = (double?)scaling["original_max_position_embeddings"] ?? (double)config["max_position_embeddings"]!;
        switch ((string)scaling["rope_type"]!)
        {
            case "linear":
                return ([.. plain.Select(frequency => frequency / factor)], 1);
            case "llama3":
                var (low, high) = ((double)scaling["low_freq_factor"]!, (double)scaling["high_freq_factor"]!);
                return ([.. plain.Select(frequency =>
                {
                    var length = 2 * Math.PI / frequency;
                    var smooth = ((original / length) - low) / (high - low);
                    return length < original / high ? frequency : length > original / low ? frequency / factor : ((1 - smooth) * frequency / factor) + (smooth * frequency);
                })], 1);
            default:
                double Dimension(double turns) => size * Math.Log(original / (turns * 2 * Math.PI)) / (2 * Math.Log(theta));
                var first = Math.Max(Math.Floor(Dimension((double?)scaling["beta_fast"] ?? 32)), 0);
                var last = Math.Min(Math.Ceiling(Dimension((double?)scaling["beta_slow"] ?? 1)), size - 1);
                return (
                    [.. plain.Select((frequency, i) =>
                    {
                        var kept = 1 - Math.Clamp((i - first) / (first == last ? 0.001 : last - first), 0, 1);
                        return (frequency / factor * (1 - kept)) + (frequency * kept);
                    })],
                    (double?)scaling["attention_factor"] ?? ((0.1 * Math.Log(factor)) + 1));
        }
    }
}
