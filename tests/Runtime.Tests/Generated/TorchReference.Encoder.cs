using ModelCompiler.ModelDsl;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>What encoders have: token types, padding, classes, and the losses of their objectives.</summary>
public sealed partial class TorchReference
{
    private Tensor _types = null!;
    private Tensor _seen = null!;

    /// <summary>The vectors of the tokens, [B, T, C], after <see cref="Logits"/>.</summary>
    public Tensor Hidden { get; private set; } = null!;

    /// <summary>The logits of the classes, [B, classes], after <see cref="Logits"/>.</summary>
    public Tensor Classes { get; private set; } = null!;

    /// <summary>Whether dropout drops: in training.</summary>
    public bool Drops { get; init; } = true;

    private ObjectiveKind Kind => ObjectiveSpec.Resolve(_spec).Kind;

    private SpecialTokensSpec Special => SpecialTokensSpec.Resolve(_spec.Architecture);

    /// <summary>The loss of the objective. Where there are classes, the target of a sequence's first token is its class.</summary>
    public Tensor Loss(Tensor tokens, Tensor targets)
    {
        var logits = Logits(tokens);
        if (Kind == ObjectiveKind.Classification) return F.cross_entropy(Classes, targets.select(1, 0));
        if (Kind != ObjectiveKind.MaskedWithOrder) return F.cross_entropy(logits.flatten(0, 1), targets.flatten());
        var masked = targets.clone();
        masked.select(1, 0).fill_(-100);
        return F.cross_entropy(logits.flatten(0, 1), masked.flatten()) + F.cross_entropy(Classes, targets.select(1, 0));
    }

    private void Begin(Tensor tokens)
    {
        var (batch, length) = (tokens.shape[0], tokens.shape[1]);
        var types = ((EmbeddingLayer)FamilyLayers.Of(_spec)[0]).TokenTypes ?? 1;
        // Before each token, the separators that another one follows.
        var separators = tokens.eq(Special.Sep!.Value).to(ScalarType.Int64);
        var after = separators.flip(1).cumsum(1).flip(1) - separators;
        var ends = separators * after.gt(0).to(ScalarType.Int64);
        _types = (ends.cumsum(1) - ends).clamp_max(types - 1);
        var padding = tokens.eq(Special.Pad!.Value).to(ScalarType.Int64);
        var isPadded = Kind == ObjectiveKind.Classification;
        _seen = isPadded ? padding.flip(1).cumprod(1).flip(1).eq(0) : torch.ones(batch, length, ScalarType.Bool);
    }

    private void Pass(LayerSpec layer, Tensor x, Tensor y)
    {
        if (layer is RepeatLayer || (layer is NormLayer && ReferenceEquals(x, Hidden))) Hidden = y;
    }

    private Tensor Pooled(ClassifierLayer layer, Tensor x, Func<Tensor, string, Tensor> linear, int depth)
    {
        var counts = _seen.unsqueeze(-1).to(ScalarType.Float32);
        var pooled = layer.Pooling == PoolingKind.Cls ? x.select(1, 0) : (x * counts).sum(1) / counts.sum(1);
        var y = linear(pooled, "pooler").tanh();
        return layer.Dropout > 0 ? y * Mask(layer.Dropout, y.unsqueeze(1), depth).squeeze(1) : y;
    }

    private Tensor WithoutPaddingKeys(Tensor scores) =>
        scores.masked_fill(_seen.logical_not().unsqueeze(1).unsqueeze(1), double.NegativeInfinity);

    private Tensor WithoutPadding(Tensor rows) => rows * _seen.unsqueeze(-1).to(ScalarType.Float32);
}
