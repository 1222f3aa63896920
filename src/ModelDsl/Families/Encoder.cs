namespace ModelCompiler.ModelDsl;

/// <summary>
/// The Transformer encoder, written in the layer language: BERT (Devlin et al. 2019) with the defaults. The objective
/// decides its heads, and with <c>causal</c> each position sees only those before it.
/// </summary>
public static class Encoder
{
    /// <summary>The layers of an encoder of this architecture; layers and heads must be given.</summary>
    public static EquatableArray<LayerSpec> Layers(ModelSpec model)
    {
        var (a, objective) = (model.Architecture, ObjectiveSpec.Resolve(model).Kind);
        var dropout = a.Dropout ?? 0;
        var parts = new EncoderParts(a, isCausal: objective == ObjectiveKind.Causal);
        var factorized = a.EmbeddingWidth is { } width && width != a.Width;
        var embeddingWidth = factorized ? a.EmbeddingWidth!.Value : a.Width;

        var layers = new List<LayerSpec>
        {
            new EmbeddingLayer
            {
                Position = (a.Position ?? PositionKind.Learned) == PositionKind.Learned ? PositionKind.Learned : PositionKind.None,
                TokenTypes = a.TokenTypes ?? (objective == ObjectiveKind.MaskedWithOrder ? 2 : null),
                Width = factorized ? embeddingWidth : null,
            },
            parts.Norm("embedding-norm"),
        };
        layers.AddRange(parts.Dropout());
        if (factorized) layers.Add(new LinearLayer { Name = "projection", Out = a.Width });
        layers.Add(new RepeatLayer { Times = a.Layers!.Value, Share = a.Share, Layers = parts.Block() });
        if (parts.Placement == NormPlacement.Pre) layers.Add(parts.Norm());

        if (objective is ObjectiveKind.MaskedWithOrder or ObjectiveKind.Classification)
            layers.Add(new ClassifierLayer
            {
                Classes = objective == ObjectiveKind.MaskedWithOrder ? 2 : a.Classes!.Value,
                Pooling = a.Pooling ?? PoolingKind.Cls,
                Dropout = dropout,
            });
        if (objective is ObjectiveKind.Masked or ObjectiveKind.MaskedWithOrder)
            layers.AddRange(
            [
                new LinearLayer { Name = "transform", Out = embeddingWidth },
                new ActivationLayer { Kind = parts.HeadActivation },
                parts.Norm("transform-norm"),
            ]);
        else if (objective == ObjectiveKind.Causal && factorized)
            layers.Add(new LinearLayer { Name = "transform", Out = embeddingWidth, Bias = parts.Bias });
        if (objective != ObjectiveKind.Classification)
            layers.Add(new HeadLayer { TieEmbeddings = a.TieEmbeddings ?? true, Bias = objective != ObjectiveKind.Causal, Softcap = a.LogitSoftcap });
        return layers.ToEquatableArray();
    }
}

/// <summary>The layers that an encoder has several of.</summary>
internal sealed class EncoderParts(ArchitectureSpec a, bool isCausal)
{
    private readonly FamilyMlpSpec _mlp = a.Mlp ?? new FamilyMlpSpec();

    public NormPlacement Placement { get; } = a.NormPlacement ?? NormPlacement.Post;

    public bool Bias { get; } = a.Bias ?? true;

    /// <summary>Of the masked-language-model head: that of the blocks, or gelu where they are gated.</summary>
    public ActivationKind HeadActivation => Enum.TryParse<ActivationKind>(_mlp.Kind.ToString(), out var kind) ? kind : ActivationKind.Gelu;

    public NormLayer Norm(string? name = null)
    {
        var kind = a.Norm ?? NormKind.Layer;
        return new() { Name = name, Kind = kind, Bias = kind == NormKind.Layer && !Bias ? false : null, Epsilon = a.NormEpsilon ?? 1e-5 };
    }

    public IEnumerable<LayerSpec> Dropout() => a.Dropout is > 0 and { } rate ? [new DropoutLayer { Rate = rate }] : [];

    public EquatableArray<LayerSpec> Block()
    {
        var attention = new AttentionLayer
        {
            Heads = a.Heads!.Value,
            KvHeads = a.KvHeads,
            HeadSize = a.HeadSize,
            Causal = isCausal,
            Position = a.Position == PositionKind.Rope ? PositionKind.Rope : PositionKind.None,
            RopeTheta = a.RopeTheta ?? 10_000,
            RopeScaling = a.RopeScaling,
            QkNorm = a.QkNorm ?? false,
            Bias = a.AttentionBias ?? Bias,
            QkvBias = a.QkvBias,
            Softcap = a.AttentionSoftcap,
        };
        var feedForward = new MlpLayer { Kind = _mlp.Kind, Hidden = _mlp.Hidden, Bias = Bias };
        return Sublayer(attention).Concat(Sublayer(feedForward)).ToEquatableArray();
    }

    private LayerSpec[] Sublayer(LayerSpec layer)
    {
        var branch = Dropout().Prepend(layer);
        return Placement == NormPlacement.Pre
            ? [new ResidualLayer { Layers = branch.Prepend(Norm()).ToEquatableArray() }]
            : [new ResidualLayer { Layers = branch.ToEquatableArray() }, Norm()];
    }
}
