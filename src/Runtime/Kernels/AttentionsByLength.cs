using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

/// <summary>Attention over sequences of different lengths: what lies behind a sequence's end is neither seen nor computed.</summary>
public static partial class Kernels
{
    /// <summary><see cref="Attention"/> over sequences that end before T.</summary>
    /// <param name="qkv">[N, (H + 2·Hkv)·D]: queries, keys, values.</param>
    /// <param name="lengths">[B]: tokens of each sequence, at most T; what follows is padding.</param>
    /// <param name="sequence">T</param>
    /// <param name="heads">H</param>
    /// <param name="kvHeads">Hkv</param>
    /// <param name="y">[N, H·D]; zero in the padding.</param>
    /// <param name="lse">fp32 [B, H, T], of which a sequence of n tokens has the first H·n elements.</param>
    /// <param name="causal">A query sees no later key.</param>
    /// <param name="window">As of <see cref="Attention"/>.</param>
    /// <param name="softcap">As of <see cref="Attention"/>.</param>
    public static void AttentionByLength(
        Tensor qkv, int[] lengths, int sequence, int heads, int kvHeads, Tensor y, Tensor lse, bool causal = true, int window = 0, double softcap = 0) =>
        Implementations.AttentionByLength.Forward(qkv, lengths, Shape(qkv, lengths.Length, sequence, heads, kvHeads, new(causal, window, softcap)), y, lse);

    /// <summary>The gradient of <see cref="AttentionByLength"/>; zero in the padding.</summary>
    /// <param name="dy">[N, H·D]</param>
    /// <param name="qkv">[N, (H + 2·Hkv)·D]</param>
    /// <param name="y">[N, H·D]</param>
    /// <param name="lse">fp32 [B, H, T]</param>
    /// <param name="lengths">As forward.</param>
    /// <param name="sequence">T</param>
    /// <param name="heads">H</param>
    /// <param name="kvHeads">Hkv</param>
    /// <param name="dqkv">As qkv.</param>
    /// <param name="causal">As forward.</param>
    /// <param name="window">As forward.</param>
    /// <param name="softcap">As forward.</param>
    public static void AttentionGradByLength(
        Tensor dy, Tensor qkv, Tensor y, Tensor lse, int[] lengths, int sequence, int heads, int kvHeads, Tensor dqkv,
        bool causal = true, int window = 0, double softcap = 0) =>
        Implementations.AttentionByLength.Backward(
            dy, qkv, y, lse, lengths, Shape(qkv, lengths.Length, sequence, heads, kvHeads, new(causal, window, softcap)), dqkv);
}
