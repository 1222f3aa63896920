namespace ModelCompiler.ModelDsl;

/// <summary>
/// The causal Transformer decoder, written in the layer language: GPT-2 (Radford et al. 2019) with the defaults,
/// Llama (Touvron et al. 2023) with <c>position: rope, norm: rms, mlp: swiglu, bias: false</c>.
/// </summary>
public static class Decoder
{
    /// <summary>The layers of a decoder of this architecture; layers and heads must be given.</summary>
    public static EquatableArray<LayerSpec> Layers(ArchitectureSpec a)
    {
        var position = a.Position ?? PositionKind.Learned;
        var bias = a.Bias ?? true;
        var dropout = a.Dropout ?? 0;
        var norm = a.Norm ?? NormKind.Layer;
        var mlp = a.Mlp ?? new FamilyMlpSpec();

        NormLayer Norm() => new() { Kind = norm, Bias = norm == NormKind.Layer && !bias ? false : null, Epsilon = a.NormEpsilon ?? 1e-5 };
        DropoutLayer[] Dropout() => dropout > 0 ? [new DropoutLayer { Rate = dropout }] : [];

        var attention = new AttentionLayer
        {
            Heads = a.Heads!.Value,
            KvHeads = a.KvHeads,
            HeadSize = a.HeadSize,
            Position = position == PositionKind.Rope ? PositionKind.Rope : PositionKind.None,
            RopeTheta = a.RopeTheta ?? 10_000,
            QkNorm = a.QkNorm ?? false,
            Bias = a.AttentionBias ?? bias,
            QkvBias = a.QkvBias,
        };
        var feedForward = new MlpLayer { Kind = mlp.Kind, Hidden = mlp.Hidden, Bias = bias };

        return new LayerSpec[]
            {
                new EmbeddingLayer { Position = position == PositionKind.Learned ? PositionKind.Learned : PositionKind.None },
            }
            .Concat(Dropout())
            .Concat(
            [
                new RepeatLayer
                {
                    Times = a.Layers!.Value,
                    Share = a.Share,
                    Layers = EquatableArray.Of<LayerSpec>(
                        new ResidualLayer { Layers = new LayerSpec[] { Norm(), attention }.Concat(Dropout()).ToEquatableArray() },
                        new ResidualLayer { Layers = new LayerSpec[] { Norm(), feedForward }.Concat(Dropout()).ToEquatableArray() }),
                },
                Norm(),
                new HeadLayer { TieEmbeddings = a.TieEmbeddings ?? false },
            ])
            .ToEquatableArray();
    }
}
