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

        AttentionLayer Attention(int? window) => new()
        {
            Heads = a.Heads!.Value,
            KvHeads = a.KvHeads,
            HeadSize = a.HeadSize,
            Position = position == PositionKind.Rope ? PositionKind.Rope : PositionKind.None,
            RopeTheta = a.RopeTheta ?? 10_000,
            RopeScaling = a.RopeScaling,
            QkNorm = a.QkNorm ?? false,
            Bias = a.AttentionBias ?? bias,
            QkvBias = a.QkvBias,
            Window = window,
            Softcap = a.AttentionSoftcap,
        };
        LayerSpec feedForward = a.Experts is { } experts
            ? new ExpertsLayer
            {
                Count = experts.Count, TopK = experts.TopK, Capacity = experts.Capacity, Balance = experts.Balance, Kind = mlp.Kind, Hidden = mlp.Hidden,
            }
            : new MlpLayer { Kind = mlp.Kind, Hidden = mlp.Hidden, Bias = bias };

        LayerSpec[] Sublayer(LayerSpec layer) => [layer, .. Dropout()];
        ResidualLayer Residual(params LayerSpec[] layers) => new() { Layers = layers.ToEquatableArray() };
        LayerSpec[] Block(int? window) => a.Parallel ?? false
            ? [Residual(Norm(), new AddLayer { Left = Sublayer(Attention(window)).ToEquatableArray(), Right = Sublayer(feedForward).ToEquatableArray() })]
            : [Residual([Norm(), .. Sublayer(Attention(window))]), Residual([Norm(), .. Sublayer(feedForward)])];

        return new LayerSpec[]
            {
                new EmbeddingLayer { Position = position == PositionKind.Learned ? PositionKind.Learned : PositionKind.None },
            }
            .Concat(Dropout())
            .Concat(Blocks(a, Block))
            .Concat([Norm(), new HeadLayer { TieEmbeddings = a.TieEmbeddings ?? false, Softcap = a.LogitSoftcap }])
            .ToEquatableArray();
    }

    /// <summary>The blocks; where some attend locally and others globally, a group of them is what is repeated, and what is left follows.</summary>
    private static IEnumerable<LayerSpec> Blocks(ArchitectureSpec a, Func<int?, LayerSpec[]> block)
    {
        var layers = a.Layers!.Value;
        if (a.GlobalEvery is not { } every)
        {
            yield return new RepeatLayer { Times = layers, Share = a.Share, Layers = block(a.Window).ToEquatableArray() };
            yield break;
        }

        var group = Enumerable.Range(1, every).SelectMany(i => block(i < every ? a.Window : null));
        yield return new RepeatLayer { Times = layers / every, Share = a.Share, Layers = group.ToEquatableArray() };
        if (layers % every > 0) yield return new RepeatLayer { Name = "rest", Times = layers % every, Layers = block(a.Window).ToEquatableArray() };
    }
}
