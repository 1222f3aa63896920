using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

public static partial class Kernels
{
    /// <summary>One vector for each sequence: that of its first token, or the mean over its tokens.</summary>
    /// <param name="x">[N, C]</param>
    /// <param name="lengths">int64 [B]: tokens before the padding; null where there is none.</param>
    /// <param name="mean">Whether it is the mean.</param>
    /// <param name="y">[B, C]; N is a multiple of B.</param>
    public static void Pool(Tensor x, Tensor? lengths, bool mean, Tensor y) => AtenPooling.Forward(x, lengths, mean, y);

    /// <summary>The gradient of <see cref="Pool"/>.</summary>
    /// <param name="dy">[B, C]</param>
    /// <param name="lengths">int64 [B], or null.</param>
    /// <param name="mean">As forward.</param>
    /// <param name="dx">[N, C]</param>
    public static void PoolGrad(Tensor dy, Tensor? lengths, bool mean, Tensor dx) => AtenPooling.Backward(dy, lengths, mean, dx);
}
