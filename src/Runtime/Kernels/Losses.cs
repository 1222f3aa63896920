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

    /// <summary>
    /// A linear layer and <see cref="CrossEntropy"/> of its result, so many rows at a time that their logits fit the chunk.
    /// </summary>
    /// <param name="x">[N, C]</param>
    /// <param name="weight">[V, C]</param>
    /// <param name="bias">[V], or null.</param>
    /// <param name="targets">int64, N elements; each in 0..V − 1, or the kernel throws.</param>
    /// <param name="weights">fp32 [B], or null for ones.</param>
    /// <param name="chunk">[rows, V], overwritten.</param>
    /// <param name="loss">fp32 []</param>
    /// <param name="losses">fp32 [B]: the mean of each sequence, without its weight.</param>
    public static void LinearCrossEntropy(
        Tensor x, Tensor weight, Tensor? bias, Tensor targets, Tensor? weights, Tensor chunk, Tensor loss, Tensor losses)
    {
        if (Cpu.Takes(x)) ChunkedLoss.Run(x, weight, bias, targets, weights, chunk, null, loss, losses);
        else AtenChunkedLoss.Run(x, weight, bias, targets, weights, chunk, null, loss, losses);
    }

    /// <summary>The gradients of <see cref="LinearCrossEntropy"/>, and its loss, in one pass over the chunks.</summary>
    /// <param name="x">[N, C]</param>
    /// <param name="weight">[V, C]</param>
    /// <param name="bias">[V], or null.</param>
    /// <param name="targets">int64, N elements</param>
    /// <param name="weights">fp32 [B], or null for ones.</param>
    /// <param name="accumulate">Add to the gradients of weight and bias.</param>
    /// <param name="chunk">[rows, V], overwritten.</param>
    /// <param name="dx">[N, C]; may be x.</param>
    /// <param name="dWeight">fp32 [V, C]</param>
    /// <param name="dBias">fp32 [V], or null as the bias is.</param>
    /// <param name="loss">fp32 []</param>
    /// <param name="losses">fp32 [B]</param>
    /// <param name="scale">The gradient of the loss itself.</param>
    public static void LinearCrossEntropyGrad(
        Tensor x, Tensor weight, Tensor? bias, Tensor targets, Tensor? weights, bool accumulate, Tensor chunk,
        Tensor dx, Tensor dWeight, Tensor? dBias, Tensor loss, Tensor losses, double scale = 1)
    {
        var gradients = new ChunkedLoss.Gradients(dx, dWeight, dBias, accumulate, scale);
        if (Cpu.Takes(x)) ChunkedLoss.Run(x, weight, bias, targets, weights, chunk, gradients, loss, losses);
        else AtenChunkedLoss.Run(x, weight, bias, targets, weights, chunk, gradients, loss, losses);
    }
}
