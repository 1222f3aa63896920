namespace ModelCompiler.ModelDsl;

/// <summary>The layers that decoders and encoders are made of, by the options that their families share.</summary>
internal sealed class FamilyParts(ArchitectureSpec a)
{
    public FamilyMlpSpec Mlp { get; } = a.Mlp ?? new FamilyMlpSpec();

    public bool Bias { get; } = a.Bias ?? true;

    public NormLayer Norm(string? name = null)
    {
        var kind = a.Norm ?? NormKind.Layer;
        return new() { Name = name, Kind = kind, Bias = kind == NormKind.Layer && !Bias ? false : null, Epsilon = a.NormEpsilon ?? 1e-5 };
    }

    /// <summary>None without dropout.</summary>
    public LayerSpec[] Dropout() => a.Dropout is > 0 and { } rate ? [new DropoutLayer { Rate = rate }] : [];

    public AttentionLayer Attention(bool causal = true, int? window = null) => new()
    {
        Heads = a.Heads!.Value,
        KvHeads = a.KvHeads,
        HeadSize = a.HeadSize,
        Causal = causal,
        Position = a.Position == PositionKind.Rope ? PositionKind.Rope : PositionKind.None,
        RopeTheta = a.RopeTheta ?? 10_000,
        RopeScaling = a.RopeScaling,
        QkNorm = a.QkNorm ?? false,
        Bias = a.AttentionBias ?? Bias,
        QkvBias = a.QkvBias,
        Window = window,
        Softcap = a.AttentionSoftcap,
    };

    public MlpLayer FeedForward() => new() { Kind = Mlp.Kind, Hidden = Mlp.Hidden, Bias = Bias };

    /// <summary>A layer and the dropout after it.</summary>
    public LayerSpec[] Sublayer(LayerSpec layer) => [layer, .. Dropout()];

    /// <summary>What the embedding adds for positions: a vector, unless attention turns by them or there are none.</summary>
    public PositionKind EmbeddingPosition => (a.Position ?? PositionKind.Learned) == PositionKind.Learned ? PositionKind.Learned : PositionKind.None;
}
