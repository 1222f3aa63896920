using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

public static partial class Kernels
{
    /// <summary>Cross-entropy of the rows' softmax against their targets, in nats: the mean over the sequences, each times its weight.</summary>
    /// <param name="logits">[N, V]</param>
    /// <param name="targets">int64, N elements; each in 0..V − 1, or the kernel throws.</param>
    /// <param name="weights">fp32 [B], or null for ones.</param>
    /// <param name="loss">fp32 []</param>
    /// <param name="losses">fp32 [B]: the mean of each sequence, without its weight; N is a multiple of B.</param>
    /// <param name="lse">fp32 [N]: the logarithm of the sum of each row's exponentials.</param>
    public static void CrossEntropy(Tensor logits, Tensor targets, Tensor? weights, Tensor loss, Tensor losses, Tensor lse)
    {
        if (Cpu.Takes(logits)) CpuLosses.CrossEntropy(logits, targets, weights, loss, losses, lse);
        else AtenLosses.CrossEntropy(logits, targets, weights, loss, losses, lse);
    }

    /// <summary>The error of sequences: the mean over their rows of the Euclidean norm of softmax minus one-hot. Asked for once in a run.</summary>
    /// <param name="logits">[N, V]</param>
    /// <param name="targets">int64, N elements</param>
    /// <param name="lse">fp32 [N]</param>
    /// <param name="errors">fp32 [B]; N is a multiple of B.</param>
    public static void ErrorNorm(Tensor logits, Tensor targets, Tensor lse, Tensor errors) =>
        AtenLosses.ErrorNorm(logits, targets, lse, errors);

    /// <summary>The gradient of <see cref="CrossEntropy"/>: (softmax − one-hot) · weight · scale / N.</summary>
    /// <param name="logits">[N, V]</param>
    /// <param name="targets">int64, N elements</param>
    /// <param name="lse">fp32 [N]</param>
    /// <param name="weights">fp32 [B], or null for ones.</param>
    /// <param name="dLogits">[N, V]; may be logits.</param>
    /// <param name="scale">The gradient of the loss itself.</param>
    public static void CrossEntropyGrad(Tensor logits, Tensor targets, Tensor lse, Tensor? weights, Tensor dLogits, double scale = 1)
    {
        if (Cpu.Takes(logits)) CpuLosses.CrossEntropyGrad(logits, targets, lse, weights, dLogits, scale);
        else AtenLosses.CrossEntropyGrad(logits, targets, lse, weights, dLogits, scale);
    }
}
