using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>What a loss with a teacher has beside one without.</summary>
/// <param name="Teacher">Where the teacher's logits come from.</param>
/// <param name="Chunk">[rows, V]: some rows of them.</param>
/// <param name="Distance">fp32 []: receives τ² times the mean divergence.</param>
/// <param name="Divergence">Which it is.</param>
/// <param name="Share">Its part in what is differentiated.</param>
/// <param name="Factor">What it is multiplied by besides.</param>
internal readonly record struct Distilled(ITeacherLogits Teacher, Tensor Chunk, Tensor Distance, Divergence Divergence, double Share, double Factor);

/// <summary>A teacher's logits, or any that have the same softmax at the temperature, some rows at a time.</summary>
internal interface ITeacherLogits
{
    /// <summary>Calculates the logits of some rows.</summary>
    /// <param name="student">[count, V]: the student's logits.</param>
    /// <param name="bias">[V], which these do not have yet; or null.</param>
    /// <param name="chunk">[rows, V], of which the first rows are written.</param>
    /// <param name="first">The first row.</param>
    /// <param name="count">Their number.</param>
    /// <returns>The teacher's bias, where those who read the logits have to add it; else null.</returns>
    Tensor? Fill(Tensor student, Tensor? bias, Tensor chunk, long first, long count);
}

/// <summary>A teacher's head over the rows of a batch.</summary>
/// <param name="X">[N, C]: what it reads.</param>
/// <param name="Weight">[V, C]</param>
/// <param name="Bias">[V], or null.</param>
/// <param name="Softcap">The bound of its logits; 0 for none.</param>
internal readonly record struct LinearTeacher(Tensor X, Tensor Weight, Tensor? Bias, double Softcap) : ITeacherLogits
{
    /// <summary>The bias is left out where there is no softcap.</summary>
    public Tensor? Fill(Tensor student, Tensor? bias, Tensor chunk, long first, long count)
    {
        using var input = X.narrow(0, first, count);
        using var logits = chunk.narrow(0, 0, count);
        Kernels.Linear(input, Weight, Softcap > 0 ? Bias : null, logits);
        if (Softcap > 0) Kernels.Softcap(logits, Softcap, logits);
        return Softcap > 0 ? null : Bias;
    }
}
