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
        var parts = new FamilyParts(a);
        LayerSpec feedForward = a.Experts is { } experts
            ? new ExpertsLayer
            {
                Count = experts.Count, TopK = experts.TopK, Capacity = experts.Capacity, Balance = experts.Balance, Kind = parts.Mlp.Kind, Hidden = parts.Mlp.Hidden,
            }
            : parts.FeedForward();

        LayerSpec[] Attention(int? window) => parts.Sublayer((LayerSpec?)LatentAttention(a) ?? parts.Attention(window: window));
        ResidualLayer Residual(params LayerSpec[] layers) => new() { Layers = layers.ToEquatableArray() };
        LayerSpec[] Block(int? window) => a.Parallel ?? false
            ? [Residual(parts.Norm(), new AddLayer { Left = Attention(window).ToEquatableArray(), Right = parts.Sublayer(feedForward).ToEquatableArray() })]
            : [Residual([parts.Norm(), .. Attention(window)]), Residual([parts.Norm(), .. parts.Sublayer(feedForward)])];

        return new LayerSpec[] { new EmbeddingLayer { Position = parts.EmbeddingPosition, Scale = a.ScaleEmbeddings ?? false } }
            .Concat(parts.Dropout())
            .Concat(Blocks(a, Block))
            .Concat([parts.Norm(), new HeadLayer { TieEmbeddings = a.TiesEmbeddings, Bias = a.HeadBias ?? false, Softcap = a.LogitSoftcap }])
            .ToEquatableArray();
    }

    /// <summary>The attention of each layer where it is over latents, else null; heads must be given.</summary>
    public static LatentAttentionLayer? LatentAttention(ArchitectureSpec a) => a.LatentAttention is not { } latent ? null : new()
    {
        Name = "attention",
        Heads = a.Heads!.Value,
        HeadSize = a.HeadSize,
        KvRank = latent.KvRank,
        QRank = latent.QRank,
        RopeWidth = latent.RopeWidth ?? ((a.HeadSize ?? (a.Width / a.Heads!.Value)) + 3) / 4 * 2,
        RopeTheta = a.RopeTheta ?? 10_000,
        RopeScaling = a.RopeScaling,
    };

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
