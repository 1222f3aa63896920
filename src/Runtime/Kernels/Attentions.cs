using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Inference;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

public static partial class Kernels
{
    /// <summary>Rotary position embedding (Su et al. 2021) of queries and keys, in half-split pairs (i, i + D/2); values are kept.</summary>
    /// <param name="x">[N, (H + 2·Hkv)·D]: queries, keys, values.</param>
    /// <param name="batch">B</param>
    /// <param name="sequence">T; row b·T + t has position t.</param>
    /// <param name="heads">H</param>
    /// <param name="kvHeads">Hkv</param>
    /// <param name="theta">Base of the frequencies theta^(−2i/D).</param>
    /// <param name="y">As x; may be x.</param>
    /// <param name="scaling">What becomes of the frequencies.</param>
    public static void Rope(Tensor x, int batch, int sequence, int heads, int kvHeads, double theta, Tensor y, RopeScaling scaling = default) =>
        Rotate(x, batch, sequence, heads, kvHeads, theta, 0, inverse: false, y, scaling);

    /// <summary>The same for rows of any positions.</summary>
    /// <param name="x">[N, (H + 2·Hkv)·D]</param>
    /// <param name="positions">int64 [N], not negative.</param>
    /// <param name="heads">H</param>
    /// <param name="kvHeads">Hkv</param>
    /// <param name="theta">Base of the frequencies.</param>
    /// <param name="y">As x; may be x.</param>
    /// <param name="scaling">What becomes of the frequencies.</param>
    public static void Rope(Tensor x, Tensor positions, int heads, int kvHeads, double theta, Tensor y, RopeScaling scaling = default) =>
        Rotate(x, 1, (int)x.size(0), heads, kvHeads, theta, 0, inverse: false, y, scaling, positions);

    /// <summary>The gradient of the rotation by positions.</summary>
    /// <param name="dy">[N, (H + 2·Hkv)·D]</param>
    /// <param name="positions">int64 [N], not negative.</param>
    /// <param name="heads">H</param>
    /// <param name="kvHeads">Hkv</param>
    /// <param name="theta">Base of the frequencies.</param>
    /// <param name="dx">As dy; may be dy.</param>
    /// <param name="scaling">What becomes of the frequencies.</param>
    public static void RopeGrad(Tensor dy, Tensor positions, int heads, int kvHeads, double theta, Tensor dx, RopeScaling scaling = default) =>
        Rotate(dy, 1, (int)dy.size(0), heads, kvHeads, theta, 0, inverse: true, dx, scaling, positions);

    /// <summary>The gradient of <see cref="Rope(Tensor, int, int, int, int, double, Tensor, RopeScaling)"/>: the inverse rotation.</summary>
    /// <param name="dy">[N, (H + 2·Hkv)·D]</param>
    /// <param name="batch">B</param>
    /// <param name="sequence">T</param>
    /// <param name="heads">H</param>
    /// <param name="kvHeads">Hkv</param>
    /// <param name="theta">Base of the frequencies.</param>
    /// <param name="dx">As dy; may be dy.</param>
    /// <param name="scaling">What becomes of the frequencies.</param>
    public static void RopeGrad(Tensor dy, int batch, int sequence, int heads, int kvHeads, double theta, Tensor dx, RopeScaling scaling = default) =>
        Rotate(dy, batch, sequence, heads, kvHeads, theta, 0, inverse: true, dx, scaling);

    /// <summary><see cref="Rope(Tensor, int, int, int, int, double, Tensor, RopeScaling)"/> for new tokens of some sequences.</summary>
    /// <param name="qkv">[N, (H + 2·Hkv)·D]</param>
    /// <param name="at">The sequences, and their positions.</param>
    /// <param name="heads">H</param>
    /// <param name="kvHeads">Hkv</param>
    /// <param name="theta">Base of the frequencies.</param>
    /// <param name="y">As qkv; may be qkv.</param>
    /// <param name="scaling">What becomes of the frequencies.</param>
    public static void RopeAt(Tensor qkv, SequenceRows at, int heads, int kvHeads, double theta, Tensor y, RopeScaling scaling = default)
    {
        using var scope = at.Views();
        for (var i = 0; i < at.Count; i++)
        {
            var rows = at.Rows(qkv, i);
            Rotate(rows, 1, (int)rows.size(0), heads, kvHeads, theta, at.Position(i), inverse: false, at.Rows(y, i), scaling);
        }
    }

    /// <summary>Multi-head attention (Vaswani et al. 2017) with scale 1/√D; query heads share key heads in groups of H / Hkv.</summary>
    /// <param name="qkv">[N, (H + 2·Hkv)·D]: queries, keys, values.</param>
    /// <param name="batch">B</param>
    /// <param name="sequence">T</param>
    /// <param name="heads">H</param>
    /// <param name="kvHeads">Hkv</param>
    /// <param name="y">[N, H·D]</param>
    /// <param name="lse">fp32 [B, H, T]: the logarithm of the sum of each score row's exponentials.</param>
    /// <param name="causal">A query sees no later key.</param>
    /// <param name="window">A query sees itself and the window − 1 keys before it (Beltagy et al. 2020); 0 for all of them.</param>
    /// <param name="softcap">Scores s become c · tanh(s / c) (Gemma 2, 2024); 0 for scores as they are.</param>
    public static void Attention(
        Tensor qkv, int batch, int sequence, int heads, int kvHeads, Tensor y, Tensor lse,
        bool causal = true, int window = 0, double softcap = 0) =>
        AttentionLowerings.Forward(qkv, Shape(qkv, batch, sequence, heads, kvHeads, new(causal, window, softcap)), y, lse);

    /// <summary>The gradient of <see cref="Attention"/>; probabilities are recomputed from <paramref name="lse"/>.</summary>
    /// <param name="dy">[N, H·D]</param>
    /// <param name="qkv">[N, (H + 2·Hkv)·D]</param>
    /// <param name="y">[N, H·D]</param>
    /// <param name="lse">fp32 [B, H, T]</param>
    /// <param name="batch">B</param>
    /// <param name="sequence">T</param>
    /// <param name="heads">H</param>
    /// <param name="kvHeads">Hkv</param>
    /// <param name="dqkv">As qkv.</param>
    /// <param name="causal">As forward.</param>
    /// <param name="window">As forward.</param>
    /// <param name="softcap">As forward.</param>
    public static void AttentionGrad(
        Tensor dy, Tensor qkv, Tensor y, Tensor lse, int batch, int sequence, int heads, int kvHeads, Tensor dqkv,
        bool causal = true, int window = 0, double softcap = 0) =>
        AttentionLowerings.Backward(dy, qkv, y, lse, Shape(qkv, batch, sequence, heads, kvHeads, new(causal, window, softcap)), dqkv);

    /// <summary>
    /// Attention of new tokens of some sequences: writes their keys and values into the caches, then attends causally to everything in
    /// these, or to the window.
    /// </summary>
    /// <param name="qkv">[N, (H + 2·Hkv)·D]</param>
    /// <param name="keyCaches">By sequence, [Hkv, Context, D]</param>
    /// <param name="valueCaches">By sequence, [Hkv, Context, D]</param>
    /// <param name="at">The sequences, and the tokens in their caches.</param>
    /// <param name="heads">H</param>
    /// <param name="kvHeads">Hkv</param>
    /// <param name="y">[N, H·D]</param>
    /// <param name="window">A query sees itself and the window − 1 keys before it; 0 for all of them.</param>
    /// <param name="softcap">Scores s become c · tanh(s / c); 0 for scores as they are.</param>
    public static void AttentionCached(
        Tensor qkv, Tensor[] keyCaches, Tensor[] valueCaches, SequenceRows at, int heads, int kvHeads, Tensor y, int window = 0, double softcap = 0)
    {
        var mask = new AttentionMask(Causal: true, window, softcap);
        if (Cpu.Takes(qkv) && qkv.size(0) == at.Count)
        {
            CpuCachedAttention.Step(qkv, keyCaches, valueCaches, at, heads, kvHeads, mask, y);
            return;
        }

        using var scope = at.Views();
        for (var i = 0; i < at.Count; i++)
            AtenAttention.Cached(at.Rows(qkv, i), at.Of(keyCaches, i), at.Of(valueCaches, i), at.Position(i), heads, kvHeads, mask, at.Rows(y, i));
    }

    private static void Rotate(
        Tensor x, int batch, int sequence, int heads, int kvHeads, double theta, int position, bool inverse, Tensor y, RopeScaling scaling,
        Tensor? positions = null)
    {
        if (Cpu.Takes(x)) CpuRope.Rotate(x, batch, sequence, heads, kvHeads, theta, position, inverse, y, scaling, positions);
        else AtenRope.Rotate(x, batch, sequence, heads, kvHeads, theta, position, inverse, y, scaling, positions);
    }

    private static AttentionShape Shape(Tensor qkv, int batch, int sequence, int heads, int kvHeads, AttentionMask mask)
    {
        var shape = new AttentionShape(batch, sequence, heads, kvHeads, qkv.size(-1) / (heads + (2 * kvHeads)), mask);
        if (heads % kvHeads != 0 || shape.Width != qkv.size(-1) || qkv.size(0) != (long)batch * sequence)
        {
            throw new ArgumentException(
                $"Queries, keys and values [{string.Join(", ", qkv.shape)}] do not fit B {batch}, T {sequence}, H {heads}, Hkv {kvHeads}.",
                nameof(qkv));
        }

        return shape;
    }
}
