using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Training;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

/// <summary>Kernels of Transformer-XL (Dai et al. 2019). M positions of memory lie before the T of the segment.</summary>
public static partial class Kernels
{
    /// <summary>What a layer had as x in earlier segments; x is kept for the next one.</summary>
    /// <param name="x">[N, C]</param>
    /// <param name="memory">The program's memory.</param>
    /// <param name="site">The layer's place in the memory.</param>
    /// <param name="layer">Its number in its repeated block.</param>
    /// <param name="y">[B·M, C]</param>
    /// <param name="visible">int64 [N]: the first position that each query sees, counted from the memory's first.</param>
    public static void Recall(Tensor x, SegmentMemory memory, int site, int layer, Tensor y, Tensor visible) =>
        memory.Recall(site, layer, x, y, visible);

    /// <summary>The keys of the distances M + T − 1 to 0: their sinusoidal encodings, projected.</summary>
    /// <param name="weight">[C, K], K even</param>
    /// <param name="clamp">The largest distance with an encoding of its own; 0 if every one has.</param>
    /// <param name="y">[M + T, C]</param>
    public static void RelativeKeys(Tensor weight, long clamp, Tensor y) =>
        Linear(RelativePositions.Table(y.size(0), weight.size(1), clamp, weight.dtype, weight.device), weight, null, y);

    /// <summary>The gradient of <see cref="RelativeKeys"/>.</summary>
    /// <param name="dy">[M + T, C]</param>
    /// <param name="clamp">The largest distance with an encoding of its own; 0 if every one has.</param>
    /// <param name="accumulate">Add to <paramref name="dWeight"/>.</param>
    /// <param name="dWeight">fp32 [C, K]</param>
    public static void RelativeKeysGrad(Tensor dy, long clamp, bool accumulate, Tensor dWeight) =>
        LinearGradWeight(dy, RelativePositions.Table(dy.size(0), dWeight.size(1), clamp, dy.dtype, dy.device), accumulate, dWeight);

    /// <summary><see cref="RelativeKeys"/> at the first token of a text; they stay the same over the rest of it.</summary>
    /// <param name="weight">[C, K], K even</param>
    /// <param name="clamp">The largest distance with an encoding of its own; 0 if every one has.</param>
    /// <param name="at">The sequences: they are calculated where a segment of one begins.</param>
    /// <param name="y">[M + T, C]</param>
    public static void RelativeKeysCached(Tensor weight, long clamp, SequenceRows at, Tensor y)
    {
        for (var i = 0; i < at.Count; i++)
        {
            if (at.Position(i) > 0) continue;
            RelativeKeys(weight, clamp, y);
            return;
        }
    }

    /// <summary>
    /// Attention by content and relative distance, causal: query t scores position s by ((q + u) · k + (q + v) · r) / √D, where r
    /// is the key of the distance t + M − s.
    /// </summary>
    /// <param name="q">[N, H·D]</param>
    /// <param name="kv">[N, 2·H·D]: keys, values.</param>
    /// <param name="r">[M + T, H·D]: keys of the distances M + T − 1 to 0.</param>
    /// <param name="u">fp32 [H·D], the bias of queries of content.</param>
    /// <param name="v">fp32 [H·D], the bias of queries of distance.</param>
    /// <param name="memoryKv">[B·M, 2·H·D], or null: M is 0.</param>
    /// <param name="visible">int64 [N], or null: the first position that each query sees.</param>
    /// <param name="batch">B</param>
    /// <param name="sequence">T</param>
    /// <param name="heads">H</param>
    /// <param name="y">[N, H·D]</param>
    /// <param name="lse">fp32 [B, H, T]: the logarithm of the sum of each score row's exponentials.</param>
    public static void RelativeAttention(
        Tensor q, Tensor kv, Tensor r, Tensor u, Tensor v, Tensor? memoryKv, Tensor? visible, int batch, int sequence, int heads, Tensor y, Tensor lse)
    {
        var inputs = new RelativeInputs(q, kv, r, u, v, memoryKv, visible, batch, sequence, heads);
        if (!Cpu.Takes(q)) AtenRelativeAttention.Forward(inputs, y, lse);
        else if (Cpu.IsFp16(q)) WidenedRelativeAttention.Forward(inputs, y, lse);
        else CpuRelativeAttention.Forward(inputs, y, lse);
    }

    /// <summary>The gradient of <see cref="RelativeAttention"/>; probabilities are recomputed from <paramref name="lse"/>.</summary>
    /// <param name="dy">[N, H·D]</param>
    /// <param name="q">[N, H·D]</param>
    /// <param name="kv">[N, 2·H·D]</param>
    /// <param name="r">[M + T, H·D]</param>
    /// <param name="u">fp32 [H·D]</param>
    /// <param name="v">fp32 [H·D]</param>
    /// <param name="memoryKv">[B·M, 2·H·D], or null.</param>
    /// <param name="visible">int64 [N], or null.</param>
    /// <param name="y">[N, H·D]</param>
    /// <param name="lse">fp32 [B, H, T]</param>
    /// <param name="batch">B</param>
    /// <param name="sequence">T</param>
    /// <param name="heads">H</param>
    /// <param name="accumulate">Add to <paramref name="du"/> and <paramref name="dv"/>.</param>
    /// <param name="dq">As q.</param>
    /// <param name="dkv">As kv.</param>
    /// <param name="dr">As r.</param>
    /// <param name="du">As u.</param>
    /// <param name="dv">As v.</param>
    /// <param name="dMemoryKv">As memoryKv; null with it.</param>
    public static void RelativeAttentionGrad(
        Tensor dy, Tensor q, Tensor kv, Tensor r, Tensor u, Tensor v, Tensor? memoryKv, Tensor? visible, Tensor y, Tensor lse,
        int batch, int sequence, int heads, bool accumulate, Tensor dq, Tensor dkv, Tensor dr, Tensor du, Tensor dv, Tensor? dMemoryKv)
    {
        var inputs = new RelativeInputs(q, kv, r, u, v, memoryKv, visible, batch, sequence, heads);
        var gradients = new RelativeGradients(accumulate, dq, dkv, dr, du, dv, dMemoryKv);
        if (!Cpu.Takes(q)) AtenRelativeAttention.Backward(dy, inputs, y, lse, gradients);
        else if (Cpu.IsFp16(q)) WidenedRelativeAttention.Backward(dy, inputs, y, lse, gradients);
        else CpuRelativeAttention.Backward(dy, inputs, y, lse, gradients);
    }

    /// <summary>
    /// <see cref="RelativeAttention"/> of new tokens of some sequences: writes their keys and values into the caches, then attends
    /// causally to what is in these. Where a segment begins, the last M positions become memory first.
    /// </summary>
    /// <param name="q">[N, H·D]</param>
    /// <param name="kv">[N, 2·H·D]</param>
    /// <param name="r">[M + T, H·D]</param>
    /// <param name="u">fp32 [H·D]</param>
    /// <param name="v">fp32 [H·D]</param>
    /// <param name="keyCaches">By sequence, [H, M + T, D]: the memory, then the segment.</param>
    /// <param name="valueCaches">By sequence, [H, M + T, D]</param>
    /// <param name="at">The sequences, their positions in the segment, and what the memory holds.</param>
    /// <param name="memory">M</param>
    /// <param name="sameLength">Whether each query sees M positions, itself among them, and no more.</param>
    /// <param name="heads">H</param>
    /// <param name="y">[N, H·D]</param>
    public static void RelativeAttentionCached(
        Tensor q, Tensor kv, Tensor r, Tensor u, Tensor v, Tensor[] keyCaches, Tensor[] valueCaches,
        SequenceRows at, int memory, bool sameLength, int heads, Tensor y)
    {
        using var scope = at.Views();
        for (var i = 0; i < at.Count; i++)
        {
            AtenRelativeAttention.Cached(
                at.Rows(q, i), at.Rows(kv, i), r, u, v, at.Of(keyCaches, i), at.Of(valueCaches, i),
                at.Position(i), at.Remembered(i), memory, sameLength, heads, at.Rows(y, i));
        }
    }
}
