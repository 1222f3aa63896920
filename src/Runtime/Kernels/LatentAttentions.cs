using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Inference;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

public static partial class Kernels
{
    /// <summary>
    /// The heads of latent attention (DeepSeek-V2, 2024), packed for <see cref="Attention"/>: a query or key is its D columns and its R
    /// rotated ones, values are filled up with zeros.
    /// </summary>
    /// <param name="queries">[N, H·D]</param>
    /// <param name="rotatedQueries">[N, H·R]</param>
    /// <param name="made">[N, 2·H·D]: keys, values.</param>
    /// <param name="rotatedKeys">[N, R], of all heads.</param>
    /// <param name="heads">H</param>
    /// <param name="packed">[N, 3·H·(D + R)]</param>
    public static void LatentHeads(Tensor queries, Tensor rotatedQueries, Tensor made, Tensor rotatedKeys, int heads, Tensor packed) =>
        AtenLatentAttention.Pack(queries, rotatedQueries, made, rotatedKeys, heads, packed);

    /// <summary>The gradient of <see cref="LatentHeads"/>; that of the rotated keys is the sum over heads.</summary>
    /// <param name="dpacked">[N, 3·H·(D + R)]</param>
    /// <param name="heads">H</param>
    /// <param name="dqueries">[N, H·D]</param>
    /// <param name="drotatedQueries">[N, H·R]</param>
    /// <param name="dmade">[N, 2·H·D]</param>
    /// <param name="drotatedKeys">[N, R]</param>
    public static void LatentHeadsGrad(Tensor dpacked, int heads, Tensor dqueries, Tensor drotatedQueries, Tensor dmade, Tensor drotatedKeys) =>
        AtenLatentAttention.Unpack(dpacked, heads, dqueries, drotatedQueries, dmade, drotatedKeys);

    /// <summary>Of each head its first columns, or all of them and zeros behind.</summary>
    /// <param name="x">[N, H·A]</param>
    /// <param name="heads">H</param>
    /// <param name="y">[N, H·B]</param>
    public static void HeadColumns(Tensor x, int heads, Tensor y) => AtenLatentAttention.Columns(x, heads, y);

    /// <summary>
    /// Latent attention of new tokens of some sequences: writes their latents and rotated keys into the caches, then attends causally to
    /// everything in these, with scale 1/√(D + R).
    /// </summary>
    /// <param name="queries">[N, H·D]</param>
    /// <param name="rotatedQueries">[N, H·R]</param>
    /// <param name="latents">[N, K]</param>
    /// <param name="rotatedKeys">[N, R], of all heads.</param>
    /// <param name="weight">[2·H·D, K]: what makes keys, then values, of latents.</param>
    /// <param name="caches">By sequence, [Context, K + R]</param>
    /// <param name="at">The sequences, and the tokens in their caches.</param>
    /// <param name="heads">H</param>
    /// <param name="y">[N, H·D]</param>
    public static void LatentAttentionCached(
        Tensor queries, Tensor rotatedQueries, Tensor latents, Tensor rotatedKeys, Tensor weight, Tensor[] caches, SequenceRows at, int heads, Tensor y)
    {
        using var scope = at.Views();
        for (var i = 0; i < at.Count; i++)
        {
            AtenLatentAttention.Cached(
                at.Rows(queries, i), at.Rows(rotatedQueries, i), at.Rows(latents, i), at.Rows(rotatedKeys, i), weight, at.Of(caches, i), at.Position(i),
                heads, at.Rows(y, i));
        }
    }
}
