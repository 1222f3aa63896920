using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// Attention written out with libtorch's batched products, on any device: the form that every other lowering is tested
/// against. Scores and softmax are fp32.
/// </summary>
internal sealed class AtenAttention : IAttentionLowering
{
    public string Name => "products";

    public void Forward(Tensor qkv, in AttentionShape shape, Tensor y, Tensor lse)
    {
        using var scope = NewDisposeScope();
        var (batch, sequence, heads, kvHeads) = (shape.Batch, shape.Sequence, shape.Heads, shape.KvHeads);
        var (q, k, v) = Split(qkv, batch, sequence, heads, kvHeads);
        var scores = Hide(Scores(q, k, shape.Mask), position: 0, shape.Mask);
        lse.copy_(scores.logsumexp(-1));
        var probabilities = (scores - lse.unsqueeze(-1)).exp_().to(qkv.dtype);
        Rows(y, batch, sequence, heads).copy_(probabilities.matmul(v));
    }

    public void Backward(Tensor dy, Tensor qkv, Tensor y, Tensor lse, in AttentionShape shape, Tensor dqkv)
    {
        using var scope = NewDisposeScope();
        var (batch, sequence, heads, kvHeads) = (shape.Batch, shape.Sequence, shape.Heads, shape.KvHeads);
        var (q, k, v) = Split(qkv, batch, sequence, heads, kvHeads);
        var (output, gradient) = (Rows(y, batch, sequence, heads), Rows(dy, batch, sequence, heads));
        var scores = Scores(q, k, shape.Mask);
        // The derivative of c · tanh(s / c) by what it gives.
        var slope = shape.Mask.Softcap > 0 ? 1 - (scores / shape.Mask.Softcap).pow_(2) : null;
        var probabilities = (Hide(scores, position: 0, shape.Mask) - lse.unsqueeze(-1)).exp_();

        var dv = probabilities.to(qkv.dtype).transpose(2, 3).matmul(gradient);
        var dProbabilities = gradient.matmul(v.transpose(2, 3)).to(ScalarType.Float32);
        // Σⱼ Pᵢⱼ dPᵢⱼ = dyᵢ · yᵢ
        var delta = (output.to(ScalarType.Float32) * gradient.to(ScalarType.Float32)).sum(-1, keepdim: true);
        var dScaled = (probabilities * (dProbabilities - delta)).mul_(Scale(q));
        if (slope is not null) dScaled.mul_(slope);
        var dScores = dScaled.to(qkv.dtype);
        var dq = dScores.matmul(k);
        var dk = dScores.transpose(2, 3).matmul(q);
        Join(dq, dk, dv, batch, sequence, heads, kvHeads, dqkv);
    }

    public static void Cached(
        Tensor qkv, Tensor keyCache, Tensor valueCache, int position, int heads, int kvHeads, AttentionMask mask, Tensor y)
    {
        using var scope = NewDisposeScope();
        var rows = (int)qkv.size(0);
        var (q, k, v) = SplitHeads(qkv, 1, rows, heads, kvHeads);
        keyCache.narrow(1, position, rows).copy_(k.squeeze(0));
        valueCache.narrow(1, position, rows).copy_(v.squeeze(0));
        var (first, _) = mask.Keys(position, position + rows);
        var count = position + rows - first;
        var keys = Spread(keyCache.narrow(1, first, count).unsqueeze(0), heads);
        var values = Spread(valueCache.narrow(1, first, count).unsqueeze(0), heads);
        var probabilities = Hide(Scores(q, keys, mask), position - first, mask).softmax(-1).to(qkv.dtype);
        Rows(y, 1, rows, heads).copy_(probabilities.matmul(values));
    }

    /// <summary>Queries, keys and values as [B, H, T, D], with a key head for each query head.</summary>
    public static (Tensor Q, Tensor K, Tensor V) Split(Tensor qkv, int batch, int sequence, int heads, int kvHeads)
    {
        var (q, k, v) = SplitHeads(qkv, batch, sequence, heads, kvHeads);
        return (q, Spread(k, heads), Spread(v, heads));
    }

    /// <summary>[N, H·D] as [B, H, T, D].</summary>
    public static Tensor Rows(Tensor y, int batch, int sequence, int heads) => y.view(batch, sequence, heads, -1).transpose(1, 2);

    /// <summary>Writes gradients [B, H, T, D] into the packed [N, (H + 2·Hkv)·D]; those of shared key heads are summed.</summary>
    public static void Join(Tensor dq, Tensor dk, Tensor dv, int batch, int sequence, int heads, int kvHeads, Tensor dqkv)
    {
        var (q, k, v) = SplitHeads(dqkv, batch, sequence, heads, kvHeads);
        q.copy_(dq);
        k.copy_(Gather(dk, kvHeads));
        v.copy_(Gather(dv, kvHeads));
    }

    private static (Tensor Q, Tensor K, Tensor V) SplitHeads(Tensor qkv, int batch, int sequence, int heads, int kvHeads)
    {
        var all = Rows(qkv, batch, sequence, heads + (2 * kvHeads));
        return (all.narrow(1, 0, heads), all.narrow(1, heads, kvHeads), all.narrow(1, heads + kvHeads, kvHeads));
    }

    private static Tensor Spread(Tensor shared, int heads) =>
        shared.size(1) == heads ? shared : shared.repeat_interleave(heads / shared.size(1), dim: 1);

    private static Tensor Gather(Tensor gradient, int kvHeads)
    {
        var shape = gradient.shape;
        if (shape[1] == kvHeads) return gradient;
        return gradient.reshape(shape[0], kvHeads, shape[1] / kvHeads, shape[2], shape[3]).sum(2, type: ScalarType.Float32);
    }

    private static double Scale(Tensor q) => 1 / Math.Sqrt(q.size(3));

    /// <summary>q·kᵀ / √D in fp32, capped where the mask says so.</summary>
    public static Tensor Scores(Tensor q, Tensor k, AttentionMask mask)
    {
        // fp16 ends at 65504, which products may reach before they are scaled.
        var scores = q.dtype == ScalarType.Float16
            ? (q * Scale(q)).matmul(k.transpose(2, 3)).to(ScalarType.Float32)
            : q.matmul(k.transpose(2, 3)).to(ScalarType.Float32).mul_(Scale(q));
        return mask.Softcap > 0 ? scores.div_(mask.Softcap).tanh_().mul_(mask.Softcap) : scores;
    }

    /// <summary>−∞ in place where a query does not see a key; the first query has this position among the keys.</summary>
    public static Tensor Hide(Tensor scores, long position, AttentionMask mask)
    {
        if (!mask.Causal) return scores;
        var all = ones(scores.size(2), scores.size(3), ScalarType.Bool, scores.device);
        var hidden = all.triu(position + 1);
        if (mask.Window > 0) hidden.logical_or_(all.tril(position - mask.Window));
        return scores.masked_fill_(hidden, float.NegativeInfinity);
    }
}
