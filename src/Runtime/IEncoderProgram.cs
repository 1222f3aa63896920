namespace ModelCompiler.Runtime;

/// <summary>The generated forward pass of an encoder over a whole sequence, without padding. Not thread-safe.</summary>
/// <remarks>What a call returns is valid until the next. Sequences are as in training: [CLS] text [SEP].</remarks>
public interface IEncoderProgram : IDisposable
{
    /// <summary>Most tokens of a sequence, T.</summary>
    int Context { get; }

    /// <summary>Width of a token's vector, C.</summary>
    int Width { get; }

    /// <summary>The vectors of the tokens, [n, C].</summary>
    /// <param name="tokens">n of them, from 1 to <see cref="Context"/>.</param>
    /// <exception cref="ArgumentException">Their number does not fit, or one is not in the vocabulary.</exception>
    ReadOnlySpan<float> Encode(ReadOnlySpan<int> tokens);

    /// <summary>The logits of the vocabulary at each token, [n, V]: of a model with a head.</summary>
    /// <param name="tokens">As of <see cref="Encode"/>.</param>
    /// <exception cref="NotSupportedException">The model has no head.</exception>
    ReadOnlySpan<float> Predict(ReadOnlySpan<int> tokens) =>
        throw new NotSupportedException("The model predicts no tokens: its objective is classification.");

    /// <summary>The logits of the classes: of a model with a classifier.</summary>
    /// <param name="tokens">As of <see cref="Encode"/>.</param>
    /// <exception cref="NotSupportedException">The model has no classifier.</exception>
    ReadOnlySpan<float> Classify(ReadOnlySpan<int> tokens) =>
        throw new NotSupportedException("The model has no classes: its objective is masked.");
}
