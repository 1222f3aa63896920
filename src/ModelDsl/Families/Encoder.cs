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
        var parts = new FamilyParts(a);
        var placement = a.NormPlacement ?? NormPlacement.Post;
        var factorized = a.EmbeddingWidth is { } width && width != a.Width;
        var embeddingWidth = factorized ? a.EmbeddingWidth!.Value : a.Width;

        var layers = new List<LayerSpec>
        {
            new EmbeddingLayer
            {
                Position = parts.EmbeddingPosition,
                TokenTypes = a.TokenTypes ?? (objective == ObjectiveKind.MaskedWithOrder ? 2 : null),
                Width = factorized ? embeddingWidth : null,
            },
            parts.Norm("embedding-norm"),
        };
        layers.AddRange(parts.Dropout());
        if (factorized) layers.Add(new LinearLayer { Name = "projection", Out = a.Width });
        layers.Add(new RepeatLayer { Times = a.Layers!.Value, Share = a.Share, Layers = Block(parts, placement, objective == ObjectiveKind.Causal) });
        if (placement == NormPlacement.Pre) layers.Add(parts.Norm());

        if (objective is ObjectiveKind.MaskedWithOrder or ObjectiveKind.Classification)
            layers.Add(new ClassifierLayer
            {
                Classes = objective == ObjectiveKind.MaskedWithOrder ? 2 : a.Classes!.Value,
                Pooling = a.Pooling ?? PoolingKind.Cls,
                Dropout = a.Dropout ?? 0,
            });
        if (objective is ObjectiveKind.Masked or ObjectiveKind.MaskedWithOrder)
            layers.AddRange(
            [
                new LinearLayer { Name = "transform", Out = embeddingWidth },
                new ActivationLayer { Kind = HeadActivation(parts.Mlp) },
                parts.Norm("transform-norm"),
            ]);
        else if (objective == ObjectiveKind.Causal && factorized)
            layers.Add(new LinearLayer { Name = "transform", Out = embeddingWidth, Bias = parts.Bias });
        if (objective != ObjectiveKind.Classification)
            layers.Add(new HeadLayer { TieEmbeddings = a.TiesEmbeddings, Bias = objective != ObjectiveKind.Causal, Softcap = a.LogitSoftcap });
        return layers.ToEquatableArray();
    }

    /// <summary>Of the masked-language-model head: that of the blocks, or gelu where they are gated.</summary>
    private static ActivationKind HeadActivation(FamilyMlpSpec mlp) =>
        Enum.TryParse<ActivationKind>(mlp.Kind.ToString(), out var kind) ? kind : ActivationKind.Gelu;

    private static EquatableArray<LayerSpec> Block(FamilyParts parts, NormPlacement placement, bool causal)
    {
        LayerSpec[] Sublayer(LayerSpec layer) => placement == NormPlacement.Pre
            ? [new ResidualLayer { Layers = parts.Sublayer(layer).Prepend(parts.Norm()).ToEquatableArray() }]
            : [new ResidualLayer { Layers = parts.Sublayer(layer).ToEquatableArray() }, parts.Norm()];
        return Sublayer(parts.Attention(causal)).Concat(Sublayer(parts.FeedForward())).ToEquatableArray();
    }
}
