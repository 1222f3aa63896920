namespace ModelCompiler.ModelDsl;

/// <summary>A target from which width, layers and heads follow: exactly one of the keys is given.</summary>
[Shorthand("parameters")]
public sealed record SizeSpec
{
    [Key("parameters", "Number of parameters to come close to; those of adapters come on top. E.g. 10M.")]
    public Count? Parameters { get; init; }

    [Key("compute", "FLOPs of the whole training, C: parameters N and tokens 20·N such that C = 6·N·20·N (Hoffmann et al. 2022). E.g. 1e18.")]
    public Count? Compute { get; init; }

    /// <summary>Tokens of training for each parameter at which a budget of compute gives the lowest loss (Hoffmann et al. 2022).</summary>
    public const double TokensPerParameter = 20;

    /// <summary>The number of parameters that is aimed at.</summary>
    public double Target => Parameters?.Value ?? Math.Sqrt(Compute!.Value.Value / (6 * TokensPerParameter));
}
