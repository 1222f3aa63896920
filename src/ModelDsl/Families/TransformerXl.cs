namespace ModelCompiler.ModelDsl;

/// <summary>
/// Transformer-XL (Dai et al. 2019), written in the layer language: relative attention over the segment and a memory of
/// earlier ones, with normalization after each sublayer's residual, as in the paper.
/// </summary>
public static class TransformerXl
{
    /// <summary>The layers of a Transformer-XL of this architecture; layers and heads must be given.</summary>
    public static EquatableArray<LayerSpec> Layers(ArchitectureSpec a)
    {
        var (bias, dropout, norm) = (a.Bias ?? true, a.Dropout ?? 0, a.Norm ?? NormKind.Layer);
        var mlp = Mlp(a);

        NormLayer Norm() => new() { Kind = norm, Bias = norm == NormKind.Layer && !bias ? false : null, Epsilon = a.NormEpsilon ?? 1e-5 };
        DropoutLayer[] Dropout() => dropout > 0 ? [new DropoutLayer { Rate = dropout }] : [];

        var feedForward = new MlpLayer { Kind = mlp.Kind, Hidden = mlp.Hidden, Bias = bias };
        return new LayerSpec[] { new EmbeddingLayer { Scale = a.ScaleEmbeddings ?? false } }
            .Concat(Dropout())
            .Concat(
            [
                new RepeatLayer
                {
                    Times = a.Layers!.Value,
                    Share = a.Share,
                    Layers = EquatableArray.Of<LayerSpec>(
                        new ResidualLayer { Layers = new LayerSpec[] { Attention(a) }.Concat(Dropout()).ToEquatableArray() },
                        Norm(),
                        new ResidualLayer { Layers = new LayerSpec[] { feedForward }.Concat(Dropout()).ToEquatableArray() },
                        Norm()),
                },
            ])
            .Concat(Dropout())
            .Append(new HeadLayer { TieEmbeddings = a.TiesEmbeddings, Bias = a.HeadBias ?? false })
            .ToEquatableArray();
    }

    /// <summary>The feed-forward sublayer, where none is given that of the paper.</summary>
    public static FamilyMlpSpec Mlp(ArchitectureSpec a) => a.Mlp ?? new FamilyMlpSpec { Kind = MlpKind.Relu };

    /// <summary>The attention of each layer; heads must be given.</summary>
    public static RelativeAttentionLayer Attention(ArchitectureSpec a) => new()
    {
        Name = "attention",
        Heads = a.Heads!.Value,
        Memory = a.Memory ?? a.Context,
        EvaluationMemory = a.EvaluationMemory,
        ClampLength = a.ClampLength,
        SameLength = a.SameLength ?? false,
    };
}
