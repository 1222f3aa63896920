namespace ModelCompiler.Runtime;

/// <summary>
/// The weights of a model that predicts next tokens, ready to run: a compiled model (libtorch) or an exported one (ONNX Runtime).
/// Programs of one model share its weights and may run at the same time, each on one thread.
/// </summary>
public interface ILanguageModel : IDisposable
{
    ModelDescription Description { get; }

    /// <summary>An inference program with key-value caches of its own.</summary>
    /// <param name="batch">Sequences that it holds at a time.</param>
    /// <exception cref="NotSupportedException">The model is an encoder, or cannot generate.</exception>
    IInferenceProgram CreateInference(int batch = 1);
}
