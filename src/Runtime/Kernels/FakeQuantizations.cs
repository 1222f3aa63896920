using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

public static partial class Kernels
{
    /// <summary>
    /// Rounds each group of a row to integers under the scale of its whole range: y = (clamp(round(x / s) + z) − z) · s. Symmetric grids have
    /// z = 0 and s = the largest value in size / −2^(bits − 1); others s = range / (2^bits − 1), where the range includes 0.
    /// </summary>
    /// <param name="x">fp32 [M, K]</param>
    /// <param name="bits">Of an integer: 2 to 8.</param>
    /// <param name="group">Neighbours in a row that share a scale; the last group may be shorter.</param>
    /// <param name="symmetric">Whether 0 is the integer 0; else each group has a zero point.</param>
    /// <param name="y">[M, K], of any compute type; may be x.</param>
    public static void FakeQuantize(Tensor x, int bits, int group, bool symmetric, Tensor y)
    {
        if (Cpu.Takes(x)) CpuFakeQuantize.Run(x, bits, group, symmetric, y);
        else AtenFakeQuantize.Run(x, bits, group, symmetric, y);
    }
}
