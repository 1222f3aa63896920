using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

public static partial class Kernels
{
    /// <summary>Mean cross-entropy of the rows' softmax against their targets, in nats.</summary>
    /// <param name="logits">[N, V]</param>
    /// <param name="targets">int64, N elements; each in 0..V − 1, or the kernel throws.</param>
    /// <param name="loss">fp32 []</param>
    /// <param name="lse">fp32 [N]: the logarithm of the sum of each row's exponentials.</param>
    public static void CrossEntropy(Tensor logits, Tensor targets, Tensor loss, Tensor lse)
    {
        if (Cpu.Takes(logits)) CpuLosses.CrossEntropy(logits, targets, loss, lse);
        else AtenLosses.CrossEntropy(logits, targets, loss, lse);
    }

    /// <summary>The gradient of <see cref="CrossEntropy"/>: (softmax − one-hot) / N.</summary>
    /// <param name="logits">[N, V]</param>
    /// <param name="targets">int64, N elements</param>
    /// <param name="lse">fp32 [N]</param>
    /// <param name="dLogits">[N, V]; may be logits.</param>
    public static void CrossEntropyGrad(Tensor logits, Tensor targets, Tensor lse, Tensor dLogits)
    {
        if (Cpu.Takes(logits)) CpuLosses.CrossEntropyGrad(logits, targets, lse, dLogits);
        else AtenLosses.CrossEntropyGrad(logits, targets, lse, dLogits);
    }
}
