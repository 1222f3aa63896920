using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// A teacher's k most likely tokens at each position, and the mass of all others together. What is not known of these is taken to be spread
/// as the student spreads it: a divergence is then that over k + 1 outcomes, and so is its gradient.
/// </summary>
/// <param name="Ids">int64 [N, k]</param>
/// <param name="Logs">fp32 [N, k + 1]: logarithms of their probabilities at the temperature, and that of the rest.</param>
internal readonly record struct CachedTeacher(Tensor Ids, Tensor Logs, double Temperature) : ITeacherLogits
{
    /// <summary>Of a probability that is zero in fp32; an infinite one would make 0 · ∞.</summary>
    public const float Nothing = -1e4f;

    public Tensor? Fill(Tensor student, Tensor? bias, Tensor chunk, long first, long count)
    {
        using var scope = NewDisposeScope();
        var (ids, logs) = (Ids.narrow(0, first, count), Logs.narrow(0, first, count));
        var (most, rest) = (logs.narrow(1, 0, ids.size(1)), logs.narrow(1, ids.size(1), 1));
        var scores = student.to(ScalarType.Float32);
        if (bias is not null) scores = scores + bias.to(ScalarType.Float32);
        scores = scores / Temperature;
        // log q within the rest: those of the k left out, the others sum to one.
        var others = scores.scatter(1, ids, full_like(most, double.NegativeInfinity));
        var taught = others - others.logsumexp(1, keepdim: true) + rest;
        using var into = chunk.narrow(0, 0, count);
        into.copy_(taught.nan_to_num(Nothing, null, Nothing).clamp_min(Nothing).scatter(1, ids, most).mul_(Temperature));
        return null;
    }
}
