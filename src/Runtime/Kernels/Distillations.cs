using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

/// <summary>How far a student's distribution is from its teacher's.</summary>
/// <param name="Kind">Which divergence.</param>
/// <param name="Temperature">What the logits of both are divided by.</param>
/// <param name="Beta">The teacher's share in the mixture of <see cref="DivergenceKind.JensenShannon"/>.</param>
public readonly record struct Divergence(DivergenceKind Kind, double Temperature, double Beta = 0);

public static partial class Kernels
{
    /// <summary>
    /// As <see cref="LinearCrossEntropyGrad(Tensor, Tensor, Tensor, Tensor, Tensor, bool, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, double)"/>,
    /// of (1 − share) · cross-entropy + share · τ² · divergence from the teacher's logits, which are calculated chunk by chunk beside the student's
    /// (Hinton et al. 2015).
    /// </summary>
    /// <param name="x">[N, C]</param>
    /// <param name="weight">[V, C]</param>
    /// <param name="bias">[V], or null.</param>
    /// <param name="targets">int64, N elements; rows of negative target count neither here nor there.</param>
    /// <param name="weights">fp32 [B], or null for ones.</param>
    /// <param name="accumulate">Add to the gradients of weight and bias.</param>
    /// <param name="chunk">[rows, V], overwritten.</param>
    /// <param name="dx">[N, C]; may be x.</param>
    /// <param name="dWeight">fp32 [V, C], or null for a frozen head.</param>
    /// <param name="dBias">fp32 [V], or null as the bias is.</param>
    /// <param name="loss">fp32 []: the cross-entropy alone.</param>
    /// <param name="losses">fp32 [B]: the same of each sequence.</param>
    /// <param name="accuracy">fp32 [], or null.</param>
    /// <param name="teacher">[N, C']: what the teacher's head reads, in any element type.</param>
    /// <param name="teacherWeight">[V, C']</param>
    /// <param name="teacherBias">[V], or null.</param>
    /// <param name="softcap">The bound of the teacher's logits; 0 for none.</param>
    /// <param name="teacherChunk">[rows, V], overwritten.</param>
    /// <param name="distance">fp32 []: τ² times the mean divergence of the rows that count, each times the weight of its sequence.</param>
    /// <param name="divergence">Which it is.</param>
    /// <param name="share">The divergence's part in what is differentiated.</param>
    /// <param name="factor">What it is multiplied by besides, to balance it.</param>
    /// <param name="scale">The gradient of the loss itself.</param>
    public static void LinearDistillationGrad(
        Tensor x, Tensor weight, Tensor? bias, Tensor targets, Tensor? weights, bool accumulate, Tensor chunk,
        Tensor dx, Tensor? dWeight, Tensor? dBias, Tensor loss, Tensor losses, Tensor? accuracy,
        Tensor teacher, Tensor teacherWeight, Tensor? teacherBias, double softcap, Tensor teacherChunk, Tensor distance,
        Divergence divergence, double share, double factor, double scale)
    {
        Distil(x, weight, bias, targets, weights, chunk, new(dx, dWeight, dBias, accumulate, scale), loss, losses, accuracy,
            new(new LinearTeacher(teacher, teacherWeight, teacherBias, softcap), teacherChunk, distance, divergence, share, factor));
    }

    /// <summary>The same from a teacher's likeliest tokens, the others taken to be spread as the student spreads them.</summary>
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
    /// <param name="loss">fp32 []: the cross-entropy alone.</param>
    /// <param name="losses">fp32 [B]: the same of each sequence.</param>
    /// <param name="accuracy">fp32 [], or null.</param>
    /// <param name="ids">int64 [N, k]</param>
    /// <param name="logs">fp32 [N, k + 1]: logarithms of their probabilities at the temperature, and of that of all others together.</param>
    /// <param name="teacherChunk">fp32 [rows, V], overwritten.</param>
    /// <param name="distance">fp32 []: τ² times the mean divergence.</param>
    /// <param name="divergence">Which it is.</param>
    /// <param name="share">The divergence's part in what is differentiated.</param>
    /// <param name="factor">What it is multiplied by besides, to balance it.</param>
    /// <param name="scale">The gradient of the loss itself.</param>
    public static void CachedDistillationGrad(
        Tensor x, Tensor weight, Tensor? bias, Tensor targets, Tensor? weights, bool accumulate, Tensor chunk,
        Tensor dx, Tensor? dWeight, Tensor? dBias, Tensor loss, Tensor losses, Tensor? accuracy,
        Tensor ids, Tensor logs, Tensor teacherChunk, Tensor distance, Divergence divergence, double share, double factor, double scale) =>
        Distil(x, weight, bias, targets, weights, chunk, new(dx, dWeight, dBias, accumulate, scale), loss, losses, accuracy,
            new(new CachedTeacher(ids, logs, divergence.Temperature), teacherChunk, distance, divergence, share, factor));

    private static void Distil(
        Tensor x, Tensor weight, Tensor? bias, Tensor targets, Tensor? weights, Tensor chunk, in ChunkedLoss.Gradients gradients, Tensor loss, Tensor losses, Tensor? accuracy,
        in Distilled distilled)
    {
        if (Cpu.Takes(x)) ChunkedDistillation.Run(x, weight, bias, targets, weights, chunk, gradients, loss, losses, accuracy, distilled);
        else AtenDistillation.Run(x, weight, bias, targets, weights, chunk, gradients, loss, losses, accuracy, distilled);
    }
}
