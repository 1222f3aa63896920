using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

public static partial class Kernels
{
    /// <summary>Draws K of the T tokens of each sequence, every choice equally likely; the same seed draws the same.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="batch">B</param>
    /// <param name="tokens">T</param>
    /// <param name="indices">int64 [B·K], K at most T: receives the tokens of each sequence in ascending order.</param>
    public static void DrawTokens(ulong seed, int batch, int tokens, Tensor indices)
    {
        if (Cpu.Takes(indices)) CpuTokens.Draw(seed, batch, tokens, indices);
        else AtenTokens.Draw(seed, batch, tokens, indices);
    }

    /// <summary>The rows of drawn tokens; nothing to do if all are drawn and y is x.</summary>
    /// <param name="x">[B·T, C]</param>
    /// <param name="indices">int64 [B·K], ascending within each sequence.</param>
    /// <param name="batch">B</param>
    /// <param name="y">[B·K, C]</param>
    public static void GatherTokens(Tensor x, Tensor indices, int batch, Tensor y)
    {
        if (ReferenceEquals(x, y)) return;
        if (Cpu.Takes(x)) CpuTokens.Gather(x, indices, batch, y);
        else AtenTokens.Gather(x, indices, batch, y);
    }

    /// <summary>A matrix with the rows of drawn tokens put in their places; nothing to do if all are drawn and y is their rows.</summary>
    /// <param name="x">[B·T, C]: the rows of the other tokens.</param>
    /// <param name="rows">[B·K, C]</param>
    /// <param name="indices">int64 [B·K], ascending within each sequence.</param>
    /// <param name="batch">B</param>
    /// <param name="y">[B·T, C]; may be x, or rows.</param>
    public static void ScatterTokens(Tensor x, Tensor rows, Tensor indices, int batch, Tensor y)
    {
        if (ReferenceEquals(rows, y)) return;
        if (Cpu.Takes(x)) CpuTokens.Scatter(x, rows, indices, batch, y);
        else AtenTokens.Scatter(x, rows, indices, batch, y);
    }
}
