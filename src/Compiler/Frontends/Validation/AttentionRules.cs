using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends.Shapes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>Heads against the width; the keys have the same names in a family and in an attention layer.</summary>
internal static class AttentionRules
{
    /// <param name="attention">The layer.</param>
    /// <param name="width">Width of its input, C.</param>
    /// <param name="path">Where heads and kv-heads stand.</param>
    public static IEnumerable<Diagnostic> Check(AttentionLayer attention, int width, string path)
    {
        var heads = attention.Heads;
        if (heads < 1 || width < 1) yield break;
        if (attention.HeadSize is { } size)
        {
            if (attention.Position == PositionKind.Rope && size % 2 != 0)
                yield return DiagnosticCatalog.RopeHeadSize.At(SpecPath.Key(path, "head-size"),
                    $"a head has the odd size {size}, and rope rotates pairs; use a head-size of {size + 1}");
        }
        else if (width % heads != 0)
            yield return DiagnosticCatalog.HeadsWidth.At(SpecPath.Key(path, "heads"),
                $"{heads} heads do not divide the width of {width}; use {Nearest(heads, width)} heads, a width of {Multiple(width, heads)}, or 'head-size'");
        else if (attention.Position == PositionKind.Rope && width / heads % 2 != 0)
            yield return DiagnosticCatalog.RopeHeadSize.At(SpecPath.Key(path, "heads"),
                $"a head has the odd size {width} / {heads} = {width / heads}, and rope rotates pairs; use a width of {Multiple(width, 2 * heads)}");

        if (attention.RopeScaling is { } scaling)
            foreach (var diagnostic in Check(scaling, SpecPath.Key(path, "rope-scaling")))
                yield return diagnostic;

        if (attention.KvHeads is { } kvHeads && kvHeads > 0 && heads % kvHeads != 0)
            yield return DiagnosticCatalog.KvHeads.At(SpecPath.Key(path, "kv-heads"),
                $"{kvHeads} kv-heads do not divide {heads} heads; use {Nearest(kvHeads, heads)}");
    }

    /// <summary>The ends of a ramp between frequencies.</summary>
    private static IEnumerable<Diagnostic> Check(RopeScalingSpec scaling, string path)
    {
        (string Low, double LowValue, string High, double HighValue)? ramp = scaling.Kind switch
        {
            RopeScalingKind.Yarn => ("beta-slow", scaling.BetaSlow, "beta-fast", scaling.BetaFast),
            RopeScalingKind.Llama3 => ("low-frequency-factor", scaling.LowFrequencyFactor, "high-frequency-factor", scaling.HighFrequencyFactor),
            _ => null,
        };
        if (ramp is var (low, lowValue, high, highValue) && lowValue >= highValue)
            yield return DiagnosticCatalog.RopeScalingRamp.At(SpecPath.Key(path, low),
                $"'{low}' is {KeyShape.Write(lowValue)} and '{high}' {KeyShape.Write(highValue)}, but the ramp goes from the former up to the latter; "
                + $"write '{low}: {KeyShape.Write(Math.Min(1, highValue / 2))}'");
    }

    /// <summary>The divisor of <paramref name="total"/> nearest to <paramref name="wanted"/>.</summary>
    internal static int Nearest(int wanted, int total) =>
        Enumerable.Range(1, Math.Min(total, 2 * wanted)).Where(n => total % n == 0).OrderBy(n => Math.Abs(n - wanted)).First();

    /// <summary>The next multiple of <paramref name="factor"/>.</summary>
    private static int Multiple(int value, int factor) => (value + factor - 1) / factor * factor;
}
