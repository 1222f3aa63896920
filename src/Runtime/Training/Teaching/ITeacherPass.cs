namespace ModelCompiler.Runtime.Training;

/// <summary>A teacher's forward pass by itself, for its predictions to be kept: generated for models whose teacher has a <c>cache</c>.</summary>
public interface ITeacherPass : IDisposable
{
    /// <summary>The likeliest tokens of a micro-batch.</summary>
    /// <param name="tokens">[B, T], row-major.</param>
    /// <param name="ids">[B·T, k]: receives them.</param>
    /// <param name="logs">[B·T, k + 1]: receives the logarithms of their probabilities, and that of all others together.</param>
    void Predict(ReadOnlySpan<long> tokens, Span<long> ids, Span<float> logs);
}
