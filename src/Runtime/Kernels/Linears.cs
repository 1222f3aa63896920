using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

public static partial class Kernels
{
    /// <summary>y = x · weightᵀ + bias</summary>
    /// <param name="x">[N, K]</param>
    /// <param name="weight">[M, K]</param>
    /// <param name="bias">[M], or null.</param>
    /// <param name="y">[N, M]</param>
    public static void Linear(Tensor x, Tensor weight, Tensor? bias, Tensor y) => AtenLinears.Linear(x, weight, bias, y);

    /// <summary>The gradient of <see cref="Linear"/> for its input: dx = dy · weight.</summary>
    /// <param name="dy">[N, M]</param>
    /// <param name="weight">[M, K]</param>
    /// <param name="dx">[N, K]</param>
    public static void LinearGradInput(Tensor dy, Tensor weight, Tensor dx) => AtenLinears.LinearGradInput(dy, weight, dx);

    /// <summary>The gradient of <see cref="Linear"/> for its weight: dWeight = dyᵀ · x.</summary>
    /// <param name="dy">[N, M]</param>
    /// <param name="x">[N, K]</param>
    /// <param name="accumulate">Add to <paramref name="dWeight"/>.</param>
    /// <param name="dWeight">fp32 [M, K]</param>
    public static void LinearGradWeight(Tensor dy, Tensor x, bool accumulate, Tensor dWeight)
    {
        if (Cpu.Takes(dy) && dy.dtype != ScalarType.Float32) CpuLinears.GradWeight(dy, x, accumulate, dWeight);
        else AtenLinears.LinearGradWeight(dy, x, accumulate, dWeight);
    }

    /// <summary>The gradient of <see cref="Linear"/> for its bias: the sum over the rows.</summary>
    /// <param name="dy">[N, M]</param>
    /// <param name="accumulate">Add to <paramref name="dBias"/>.</param>
    /// <param name="dBias">fp32 [M]</param>
    public static void LinearGradBias(Tensor dy, bool accumulate, Tensor dBias)
    {
        if (Cpu.Takes(dy)) ColumnSums.Sum(dy, accumulate, dBias);
        else AtenLinears.LinearGradBias(dy, accumulate, dBias);
    }
}
