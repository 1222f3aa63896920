using Microsoft.ML.OnnxRuntime;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>Loads exported models into ONNX Runtime.</summary>
internal static class OnnxSession
{
    /// <summary>Opens a folder, and makes of its session what is asked for.</summary>
    /// <param name="model">The model that it is to be.</param>
    /// <param name="folder">Where it was exported to.</param>
    /// <param name="threads">Threads within an operator; 0 for one a core.</param>
    /// <param name="make">Takes the session over.</param>
    /// <exception cref="OnnxException">Files are missing, damaged, or of another model.</exception>
    public static T Open<T>(ModelDescription model, string folder, int threads, Func<InferenceSession, T> make)
    {
        OnnxFolder.CheckFiles(folder);
        InferenceSession? session = null;
        try
        {
            using var options = new SessionOptions { IntraOpNumThreads = threads, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
            session = new InferenceSession(OnnxFolder.GraphPath(folder), options);
            OnnxFolder.CheckData(folder, session.ModelMetadata.CustomMetadataMap);
            OnnxFolder.Check(folder, session.ModelMetadata.CustomMetadataMap, model);
            return make(session);
        }
        catch (OnnxRuntimeException e)
        {
            session?.Dispose();
            throw new OnnxException($"ONNX Runtime cannot load the model in '{folder}': {e.Message} Export it again.", e);
        }
        catch
        {
            session?.Dispose();
            throw;
        }
    }
}
