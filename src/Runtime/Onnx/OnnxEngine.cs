using Microsoft.ML.OnnxRuntime;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>Exported models that predict next tokens, whatever they remember of a text.</summary>
public static class OnnxEngine
{
    /// <inheritdoc cref="OnnxProgram.Open"/>
    public static IInferenceProgram Open(ModelDescription model, string folder, int threads = 0) => OnnxSession.Open<IInferenceProgram>(
        model, folder, threads, session => IsRecurrent(session) ? new OnnxRecurrentProgram(session, model) : new OnnxProgram(session, model));

    private static bool IsRecurrent(InferenceSession session) =>
        session.InputNames.Any(name => name.StartsWith(OnnxGraph.PastMemory, StringComparison.Ordinal));
}
