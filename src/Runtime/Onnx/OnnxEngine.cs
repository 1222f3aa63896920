using Microsoft.ML.OnnxRuntime;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>Exported models that predict next tokens, whatever they remember of a text.</summary>
public static class OnnxEngine
{
    /// <inheritdoc cref="OnnxProgram.Open"/>
    public static IInferenceProgram Open(ModelDescription model, string folder, int threads = 0) => OnnxSession.Open<IInferenceProgram>(
        model, folder, threads, session => session switch
        {
            _ when Reads(session, OnnxGraph.PastMemory) => new OnnxRecurrentProgram(session, model),
            _ when Reads(session, "past_key_values.") && !Reads(session, OnnxGraph.PastLengths) => new OnnxStandardProgram(session, model),
            _ => new OnnxProgram(session, model),
        });

    private static bool Reads(InferenceSession session, string input) => session.InputNames.Any(name => name.StartsWith(input, StringComparison.Ordinal));
}
