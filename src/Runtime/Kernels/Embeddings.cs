using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Inference;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

/// <summary>
/// The kernels that generated code is made of. Inputs come first, then attributes, then the tensors written to. All tensors
/// are contiguous. N = B·T rows; B batch, T sequence, C width, V vocabulary, H query heads, Hkv key and value heads,
/// D = width of a head. x, y and their gradients dx, dy have the compute type, fp32, bf16 or fp16; statistics, gradients of
/// parameters, and the parameters of norms are fp32. Gradients of parameters are overwritten, or added to if
/// <c>accumulate</c>. An operator that libtorch refuses throws <see cref="Native.NativeException"/>.
/// </summary>
public static partial class Kernels
{
    /// <summary>Rows of a table by index.</summary>
    /// <param name="tokens">int64 [B, T]; an index outside the vocabulary throws.</param>
    /// <param name="weight">[V, C]</param>
    /// <param name="y">[N, C]</param>
    public static void Embedding(Tensor tokens, Tensor weight, Tensor y) => AtenEmbeddings.Embedding(tokens, weight, y);

    /// <summary>The gradient of <see cref="Embedding"/>: each row is the sum over the places of its token.</summary>
    /// <param name="dy">[N, C]</param>
    /// <param name="tokens">int64 [B, T]</param>
    /// <param name="accumulate">Add to <paramref name="dWeight"/>.</param>
    /// <param name="dWeight">fp32 [V, C]</param>
    public static void EmbeddingGrad(Tensor dy, Tensor tokens, bool accumulate, Tensor dWeight)
    {
        if (Cpu.Takes(dy)) CpuEmbeddings.EmbeddingGrad(dy, tokens, accumulate, dWeight);
        else AtenEmbeddings.EmbeddingGrad(dy, tokens, accumulate, dWeight);
    }

    /// <summary>Adds a trained vector per position to each sequence.</summary>
    /// <param name="x">[N, C], N a multiple of T</param>
    /// <param name="weight">[context, C]</param>
    /// <param name="sequence">T, at most the context.</param>
    /// <param name="y">[N, C]; may be x</param>
    public static void AddPosition(Tensor x, Tensor weight, long sequence, Tensor y)
    {
        if (Cpu.Takes(x)) CpuEmbeddings.AddPosition(x, weight, sequence, y);
        else AtenEmbeddings.AddPosition(x, weight, sequence, y);
    }

    /// <summary>The gradient of <see cref="AddPosition"/> for its weight: the sum over the batch.</summary>
    /// <param name="dy">[N, C]</param>
    /// <param name="sequence">T, at most the context.</param>
    /// <param name="accumulate">Add to <paramref name="dWeight"/>.</param>
    /// <param name="dWeight">fp32 [context, C]</param>
    public static void AddPositionGrad(Tensor dy, long sequence, bool accumulate, Tensor dWeight)
    {
        if (Cpu.Takes(dy)) CpuEmbeddings.AddPositionGrad(dy, sequence, accumulate, dWeight);
        else AtenEmbeddings.AddPositionGrad(dy, sequence, accumulate, dWeight);
    }

    /// <summary><see cref="AddPosition"/> for new tokens of some sequences.</summary>
    /// <param name="x">[N, C]</param>
    /// <param name="weight">[T, C]</param>
    /// <param name="at">The sequences, and their positions.</param>
    /// <param name="y">[N, C]; may be x</param>
    public static void AddPositionAt(Tensor x, Tensor weight, SequenceRows at, Tensor y)
    {
        using var scope = at.Views();
        for (var i = 0; i < at.Count; i++)
        {
            var rows = at.Rows(x, i);
            using var vectors = weight.narrow(0, at.Position(i), rows.size(0));
            AddPosition(rows, vectors, rows.size(0), at.Rows(y, i));
        }
    }
}
