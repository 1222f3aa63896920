using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

public static partial class Kernels
{
    /// <summary>
    /// Cross-entropy of the rows' softmax against their targets, in nats: the mean over the rows that count, each times the weight of
    /// its sequence. Rows of negative target do not count.
    /// </summary>
    /// <param name="logits">[N, V]</param>
    /// <param name="targets">int64, N elements; each below V, or the kernel throws.</param>
    /// <param name="weights">fp32 [B], or null for ones.</param>
    /// <param name="loss">fp32 []</param>
    /// <param name="losses">fp32 [B]: the mean over the counted rows of each sequence, without its weight; N is a multiple of B.</param>
    /// <param name="lse">fp32 [N]: the logarithm of the sum of each counted row's exponentials.</param>
    /// <param name="accuracy">fp32 []: the share of the counted rows whose target has the largest logit; null where it is not asked for.</param>
    public static void CrossEntropy(Tensor logits, Tensor targets, Tensor? weights, Tensor loss, Tensor losses, Tensor lse, Tensor? accuracy = null)
    {
        if (Cpu.Takes(logits)) CpuLosses.CrossEntropy(logits, targets, weights, loss, losses, lse, accuracy);
        else AtenLosses.CrossEntropy(logits, targets, weights, loss, losses, lse, accuracy);
    }

    /// <summary>The error of sequences: the mean over their rows of the Euclidean norm of softmax minus one-hot. Asked for once in a run.</summary>
    /// <param name="logits">[N, V]</param>
    /// <param name="targets">int64, N elements</param>
    /// <param name="lse">fp32 [N]</param>
    /// <param name="errors">fp32 [B]; N is a multiple of B.</param>
    public static void ErrorNorm(Tensor logits, Tensor targets, Tensor lse, Tensor errors) =>
        AtenLosses.ErrorNorm(logits, targets, lse, errors);

    /// <summary>The gradient of <see cref="CrossEntropy"/>: (softmax − one-hot) · weight · scale / rows that count; zero for the others.</summary>
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
    /// <param name="targets">int64, N elements; each below V, or the kernel throws.</param>
    /// <param name="weights">fp32 [B], or null for ones.</param>
    /// <param name="chunk">[rows, V], overwritten.</param>
    /// <param name="loss">fp32 []</param>
    /// <param name="losses">fp32 [B]: the mean over the counted rows of each sequence, without its weight.</param>
    /// <param name="accuracy">fp32 [], or null, as of <see cref="CrossEntropy"/>.</param>
    public static void LinearCrossEntropy(
        Tensor x, Tensor weight, Tensor? bias, Tensor targets, Tensor? weights, Tensor chunk, Tensor loss, Tensor losses, Tensor? accuracy = null)
    {
        if (Cpu.Takes(x)) ChunkedLoss.Run(x, weight, bias, targets, weights, chunk, null, loss, losses, accuracy);
        else AtenChunkedLoss.Run(x, weight, bias, targets, weights, chunk, null, loss, losses, accuracy);
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
    /// <param name="dWeight">fp32 [V, C], or null for a frozen head.</param>
    /// <param name="dBias">fp32 [V], or null as the bias is.</param>
    /// <param name="loss">fp32 []</param>
    /// <param name="losses">fp32 [B]</param>
    /// <param name="scale">The gradient of the loss itself.</param>
    public static void LinearCrossEntropyGrad(
        Tensor x, Tensor weight, Tensor? bias, Tensor targets, Tensor? weights, bool accumulate, Tensor chunk,
        Tensor dx, Tensor? dWeight, Tensor? dBias, Tensor loss, Tensor losses, double scale = 1) =>
        LinearCrossEntropyGrad(x, weight, bias, targets, weights, accumulate, chunk, dx, dWeight, dBias, loss, losses, null, scale);

    /// <inheritdoc cref="LinearCrossEntropyGrad(Tensor, Tensor, Tensor, Tensor, Tensor, bool, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, double)"/>
    public static void LinearCrossEntropyGrad(
        Tensor x, Tensor weight, Tensor? bias, Tensor targets, Tensor? weights, bool accumulate, Tensor chunk,
        Tensor dx, Tensor? dWeight, Tensor? dBias, Tensor loss, Tensor losses, Tensor? accuracy, double scale = 1)
    {
        var gradients = new ChunkedLoss.Gradients(dx, dWeight, dBias, accumulate, scale);
        if (Cpu.Takes(x)) ChunkedLoss.Run(x, weight, bias, targets, weights, chunk, gradients, loss, losses, accuracy);
        else AtenChunkedLoss.Run(x, weight, bias, targets, weights, chunk, gradients, loss, losses, accuracy);
    }
}
