using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// The angles per position of rotary embedding: theta^(−2i/D), or what a scaling makes of them. Attributes of a node, which has
/// those of a scaling only where there is one.
/// </summary>
internal readonly record struct RotaryFrequencies(Attributes Attributes)
{
    private double Theta => Attributes.Double("theta");

    private double Factor => Attributes.Double("factor");

    private double Original => Attributes.Double("original");

    private string Kind => Attributes.Has("scaling") ? Attributes.String("scaling") : "";

    /// <summary>The attributes of a base and its scaling.</summary>
    public static Attributes Of(double theta, RopeScalingSpec? scaling, long context)
    {
        var plain = Attributes.Of(("theta", theta));
        if (scaling is null) return plain;
        var scaled = plain.With("scaling", scaling.Kind.ToString()).With("factor", scaling.Factor);
        if (scaling.Kind is RopeScalingKind.Linear or RopeScalingKind.Ntk) return scaled;
        scaled = scaled.With("original", (double)(scaling.OriginalContext ?? (int)(context / scaling.Factor)));
        return scaling.Kind == RopeScalingKind.Llama3
            ? scaled.With("low", scaling.LowFrequencyFactor).With("high", scaling.HighFrequencyFactor)
            : scaled.With("low", scaling.BetaSlow).With("high", scaling.BetaFast)
                .With("magnitude", scaling.AttentionFactor ?? ((0.1 * Math.Log(scaling.Factor)) + 1));
    }

    /// <summary>What rotated pairs are multiplied by.</summary>
    public double Magnitude => Attributes.Has("magnitude") ? Attributes.Double("magnitude") : 1;

    /// <summary>The angle per position of pair i of a head.</summary>
    public double At(int i, int size)
    {
        var plain = Math.Pow(Theta, -2.0 * i / size);
        return Kind switch
        {
            "" => plain,
            nameof(RopeScalingKind.Linear) => plain / Factor,
            nameof(RopeScalingKind.Ntk) => Math.Pow(Theta * Math.Pow(Factor, size / (size - 2.0)), -2.0 * i / size),
            nameof(RopeScalingKind.Llama3) => Blend(plain, Llama3(plain)),
            _ => Blend(plain, Yarn(i, size)),
        };
    }

    /// <summary>The share of the plain frequency in the scaled one.</summary>
    private double Blend(double plain, double share)
    {
        share = Math.Min(1, Math.Max(0, share));
        return (plain * share) + (plain / Factor * (1 - share));
    }

    private double Llama3(double plain) =>
        ((Original * plain / (2 * Math.PI)) - Attributes.Double("low")) / (Attributes.Double("high") - Attributes.Double("low"));

    /// <summary>
    /// A ramp over the pairs between those that turn <c>high</c> and <c>low</c> times over the original context, rounded outwards:
    /// as the authors' code has it, and with it the checkpoints; the paper writes the ramp over the number of turns.
    /// </summary>
    private double Yarn(int i, int size)
    {
        var (theta, original) = (Theta, Original);
        double Pair(double turns) => size * Math.Log(original / (turns * 2 * Math.PI)) / (2 * Math.Log(theta));
        var first = Math.Max(0, Math.Floor(Pair(Attributes.Double("high"))));
        var last = Math.Min(size - 1, Math.Ceiling(Pair(Attributes.Double("low"))));
        return 1 - ((i - first) / Math.Max(last - first, 0.001));
    }

    /// <summary>The arguments by which a kernel differs from plain rotation.</summary>
    public IEnumerable<KernelArgument> Arguments()
    {
        if (Kind.Length == 0) yield break;
        var attributes = Attributes;
        var values = new[] { "factor", "original", "low", "high", "magnitude" }.Where(attributes.Has)
            .Select(name => $"{name}: {((KernelArgument)attributes.Double(name)).Text}");
        yield return $"RopeScaling.{Kind}({string.Join(", ", values)})";
    }
}
