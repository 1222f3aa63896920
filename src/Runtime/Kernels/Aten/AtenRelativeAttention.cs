using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// Relative attention with libtorch's batched products, on any device. Queries are scaled before they are rounded, scores and
/// softmax are fp32. The efficient shift is a view of the scores by distance whose rows are one element shorter.
/// </summary>
internal static class AtenRelativeAttention
{
    public static void Forward(in RelativeInputs x, Tensor y, Tensor lse)
    {
        using var scope = NewDisposeScope();
        var (keys, values) = Joined(x);
        var scores = Scores(Biased(x.U, x), keys, Biased(x.V, x), Distances(x.R, x.Heads)).masked_fill_(Hidden(x), float.NegativeInfinity);
        lse.copy_(scores.logsumexp(-1));
        var probabilities = (scores - lse.unsqueeze(-1)).exp_().to(y.dtype);
        AtenAttention.Rows(y, x.Batch, x.Sequence, x.Heads).copy_(probabilities.matmul(values));
    }

    public static void Backward(Tensor dy, in RelativeInputs x, Tensor y, Tensor lse, in RelativeGradients gradients)
    {
        using var scope = NewDisposeScope();
        var (batch, sequence, heads, type) = (x.Batch, x.Sequence, x.Heads, x.Q.dtype);
        var (keys, values) = Joined(x);
        var (byContent, byDistance, distances) = (Biased(x.U, x), Biased(x.V, x), Distances(x.R, heads));
        var scores = Scores(byContent, keys, byDistance, distances).masked_fill_(Hidden(x), float.NegativeInfinity);
        var probabilities = (scores - lse.unsqueeze(-1)).exp_();
        var (output, gradient) = (AtenAttention.Rows(y, batch, sequence, heads), AtenAttention.Rows(dy, batch, sequence, heads));
        var delta = (output.to(ScalarType.Float32) * gradient.to(ScalarType.Float32)).sum(-1, keepdim: true);
        var dProbabilities = gradient.matmul(values.transpose(2, 3)).to(ScalarType.Float32);
        var dScores = (probabilities * (dProbabilities - delta)).to(type);
        var dShifted = Unshifted(dScores);

        // Products of the scaled queries: their own gradients are scaled once more.
        var dContent = dScores.matmul(keys).to(ScalarType.Float32).mul_(x.Scale);
        var dDistance = dShifted.matmul(distances).to(ScalarType.Float32).mul_(x.Scale);
        AtenAttention.Rows(gradients.Q, batch, sequence, heads).copy_(dContent + dDistance);
        Aten.Store(Summed(dContent), gradients.Accumulate, gradients.U);
        Aten.Store(Summed(dDistance), gradients.Accumulate, gradients.V);
        var dr = dShifted.transpose(2, 3).matmul(byDistance).sum(0, type: ScalarType.Float32);
        gradients.R.copy_(dr.transpose(0, 1).reshape(x.Positions, x.Width));

        var dKeys = dScores.transpose(2, 3).matmul(byContent);
        var dValues = probabilities.to(type).transpose(2, 3).matmul(gradient);
        var both = cat([dKeys, dValues], 1).transpose(1, 2); // [B, M + T, 2H, D]
        gradients.Kv.view(batch, sequence, 2 * heads, -1).copy_(both.narrow(1, x.Memory, sequence));
        gradients.MemoryKv?.view(batch, x.Memory, 2 * heads, -1).copy_(both.narrow(1, 0, x.Memory));
    }

    public static void Cached(
        Tensor q, Tensor kv, Tensor r, Tensor u, Tensor v, Tensor keyCache, Tensor valueCache,
        int position, int remembered, int memory, bool sameLength, int heads, Tensor y)
    {
        using var scope = NewDisposeScope();
        using var inference = no_grad();
        var rows = (int)q.size(0);
        if (position == 0 && remembered > 0)
        {
            foreach (var cache in new[] { keyCache, valueCache })
                cache.narrow(1, 0, memory).copy_(cache.narrow(1, cache.size(1) - memory, memory).clone());
        }

        var fresh = kv.view(rows, 2 * heads, -1).transpose(0, 1);
        keyCache.narrow(1, memory + position, rows).copy_(fresh.narrow(0, 0, heads));
        valueCache.narrow(1, memory + position, rows).copy_(fresh.narrow(0, heads, heads));

        // What no query sees is left out: positions of the memory that hold nothing yet, or are too far back.
        var first = Math.Max(memory - remembered, sameLength ? position + 1 : 0);
        var count = memory + position + rows - first;
        var (keys, values) = (keyCache.narrow(1, first, count).unsqueeze(0), valueCache.narrow(1, first, count).unsqueeze(0));
        var distances = Distances(r.narrow(0, r.size(0) - count, count), heads);
        var scores = Scores(Biased(q, u, 1, rows, heads), keys, Biased(q, v, 1, rows, heads), distances);
        if (rows > 1)
        {
            var (query, key) = (arange(rows, device: q.device).unsqueeze(1) + (count - rows), arange(count, device: q.device).unsqueeze(0));
            var hidden = key > query;
            if (sameLength) hidden = hidden.logical_or(key <= query - memory);
            scores.masked_fill_(hidden, float.NegativeInfinity);
        }

        AtenAttention.Rows(y, 1, rows, heads).copy_(scores.softmax(-1).to(q.dtype).matmul(values));
    }

    /// <summary>Keys and values of memory and segment, [B, H, M + T, D] each.</summary>
    private static (Tensor Keys, Tensor Values) Joined(in RelativeInputs x)
    {
        var all = AtenAttention.Rows(x.Kv, x.Batch, x.Sequence, 2 * x.Heads);
        if (x.MemoryKv is not null) all = cat([AtenAttention.Rows(x.MemoryKv, x.Batch, (int)x.Memory, 2 * x.Heads), all], 2);
        return (all.narrow(1, 0, x.Heads), all.narrow(1, x.Heads, x.Heads));
    }

    /// <summary>(q + bias) / √D, [B, H, T, D]</summary>
    private static Tensor Biased(Tensor q, Tensor bias, int batch, int sequence, int heads) =>
        AtenAttention.Rows((q.to(ScalarType.Float32) + bias).mul_(1 / Math.Sqrt(q.size(1) / heads)).to(q.dtype), batch, sequence, heads);

    private static Tensor Biased(Tensor bias, in RelativeInputs x) => Biased(x.Q, bias, x.Batch, x.Sequence, x.Heads);

    /// <summary>[H, M + T, D]</summary>
    private static Tensor Distances(Tensor r, int heads) => r.view(r.size(0), heads, -1).transpose(0, 1);

    private static Tensor Scores(Tensor byContent, Tensor keys, Tensor byDistance, Tensor distances)
    {
        var content = byContent.matmul(keys.transpose(2, 3)).to(ScalarType.Float32);
        return content.add_(Shifted(byDistance.matmul(distances.transpose(1, 2)).contiguous()));
    }

    /// <summary>Row t of [B, H, T, S] from element T − 1 − t on; what lies behind a row's end is hidden by the mask.</summary>
    private static Tensor Shifted(Tensor scores)
    {
        var (t, s) = (scores.size(2), scores.size(3));
        return scores.as_strided(scores.shape, [scores.stride(0), scores.stride(1), s - 1, 1], t - 1);
    }

    /// <summary>The inverse of the shift: zeros where no query's score came from.</summary>
    private static Tensor Unshifted(Tensor dScores)
    {
        var (t, s) = (dScores.size(2), dScores.size(3));
        var result = zeros(dScores.shape, dScores.dtype, dScores.device);
        // The rows of the shifted view overlap in one element, which only the last query has seen.
        var view = result.as_strided([result.size(0), result.size(1), t, s - 1], [result.stride(0), result.stride(1), s - 1, 1], t - 1);
        view.copy_(dScores.narrow(3, 0, s - 1));
        result.narrow(2, t - 1, 1).narrow(3, s - 1, 1).copy_(dScores.narrow(2, t - 1, 1).narrow(3, s - 1, 1));
        return result;
    }

    /// <summary>Which positions a query does not see: later ones, and those before its first; [B or 1, 1, T, M + T].</summary>
    private static Tensor Hidden(in RelativeInputs x)
    {
        var position = arange(x.Positions, device: x.Q.device).view(1, 1, 1, -1);
        var future = position > arange(x.Memory, x.Positions, 1L, device: x.Q.device).view(1, 1, -1, 1);
        return x.Visible is null ? future : future.logical_or(position < x.Visible.view(x.Batch, 1, x.Sequence, 1));
    }

    /// <summary>[B, H, T, D] summed over batch and positions: [H·D].</summary>
    private static Tensor Summed(Tensor gradient) => gradient.sum([0, 2]).view(-1);
}
