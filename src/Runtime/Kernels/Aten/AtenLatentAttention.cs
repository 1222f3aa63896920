using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Latent attention by libtorch's copies and batched products, on any device.</summary>
internal static class AtenLatentAttention
{
    public static void Pack(Tensor queries, Tensor rotatedQueries, Tensor made, Tensor rotatedKeys, int heads, Tensor packed)
    {
        using var scope = NewDisposeScope();
        var (n, size) = (queries.size(0), queries.size(1) / heads);
        var (q, k, v) = Parts(packed, heads);
        var (keys, values) = (made.view(n, 2, heads, size).select(1, 0), made.view(n, 2, heads, size).select(1, 1));
        Content(q, size).copy_(queries.view(n, heads, size));
        Rest(q, size).copy_(rotatedQueries.view(n, heads, -1));
        Content(k, size).copy_(keys);
        Rest(k, size).copy_(rotatedKeys.unsqueeze(1));
        Content(v, size).copy_(values);
        Rest(v, size).zero_();
    }

    public static void Unpack(Tensor dpacked, int heads, Tensor dqueries, Tensor drotatedQueries, Tensor dmade, Tensor drotatedKeys)
    {
        using var scope = NewDisposeScope();
        var (n, size) = (dqueries.size(0), dqueries.size(1) / heads);
        var (q, k, v) = Parts(dpacked, heads);
        dqueries.view(n, heads, size).copy_(Content(q, size));
        drotatedQueries.view(n, heads, -1).copy_(Rest(q, size));
        dmade.view(n, 2, heads, size).select(1, 0).copy_(Content(k, size));
        dmade.view(n, 2, heads, size).select(1, 1).copy_(Content(v, size));
        drotatedKeys.copy_(Rest(k, size).sum(1, type: ScalarType.Float32));
    }

    public static void Columns(Tensor x, int heads, Tensor y)
    {
        using var scope = NewDisposeScope();
        var (from, into) = (x.view(x.size(0), heads, -1), y.view(y.size(0), heads, -1));
        var both = Math.Min(from.size(2), into.size(2));
        Content(into, both).copy_(Content(from, both));
        if (into.size(2) > both) Rest(into, both).zero_();
    }

    public static void Cached(
        Tensor queries, Tensor rotatedQueries, Tensor latents, Tensor rotatedKeys, Tensor weight, Tensor cache, int position, int heads, Tensor y)
    {
        using var scope = NewDisposeScope();
        var (rows, size, rank) = (queries.size(0), queries.size(1) / heads, latents.size(1));
        var fresh = cache.narrow(0, position, rows);
        fresh.narrow(1, 0, rank).copy_(latents);
        fresh.narrow(1, rank, rotatedKeys.size(1)).copy_(rotatedKeys);
        var seen = cache.narrow(0, 0, position + rows); // [P, K + R]

        var made = weight.view(2, heads, size, rank);
        Tensor ByHead(Tensor x) => x.view(rows, heads, -1).transpose(0, 1); // [H, N, ..]
        var absorbed = cat([ByHead(queries).matmul(made.select(0, 0)), ByHead(rotatedQueries)], 2);
        var scale = 1 / Math.Sqrt(size + (rotatedQueries.size(1) / heads));
        // fp16 ends at 65504, which products may reach before they are scaled.
        var scores = (absorbed * scale).matmul(seen.t()).to(ScalarType.Float32).unsqueeze(0);
        var probabilities = AtenAttention.Hide(scores, position, AttentionMask.Plain).squeeze(0).softmax(-1).to(queries.dtype);
        var mixed = probabilities.matmul(seen.narrow(1, 0, rank)); // [H, N, K]
        ByHead(y).copy_(mixed.matmul(made.select(0, 1).transpose(1, 2)));
    }

    /// <summary>Queries, keys and values, [N, H, D + R] each.</summary>
    private static (Tensor Q, Tensor K, Tensor V) Parts(Tensor packed, int heads)
    {
        var parts = packed.view(packed.size(0), 3, heads, -1);
        return (parts.select(1, 0), parts.select(1, 1), parts.select(1, 2));
    }

    private static Tensor Content(Tensor x, long size) => x.narrow(2, 0, size);

    private static Tensor Rest(Tensor x, long size) => x.narrow(2, size, x.size(2) - size);
}
