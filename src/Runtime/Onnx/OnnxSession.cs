using Microsoft.ML.OnnxRuntime;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>Loads exported models into ONNX Runtime.</summary>
internal static class OnnxSession
{
    /// <summary>Opens a folder whose files are whole, and makes of its session what is asked for.</summary>
    /// <param name="folder">Where a model was exported to.</param>
    /// <param name="metadata">What its graph says of itself.</param>
    /// <param name="options">How it runs.</param>
    /// <param name="yields">Whether its threads rest as soon as a run has ended, for others compute between runs.</param>
    /// <param name="make">Takes the session over.</param>
    /// <exception cref="OnnxException">ONNX Runtime does not take the graph, or there is no such device.</exception>
    public static T Open<T>(string folder, IReadOnlyDictionary<string, string> metadata, OnnxOptions options, bool yields, Func<InferenceSession, T> make)
    {
        InferenceSession? session = null;
        try
        {
            using var settings = Settings(options with { Prepack = options.Prepack || metadata[OnnxFolder.Quantization] != OnnxExport.Fp32 });
            if (yields) settings.AddSessionConfigEntry("session.force_spinning_stop", "1");
            session = new InferenceSession(OnnxFolder.GraphPath(folder), settings);
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

    private static SessionOptions Settings(OnnxOptions options)
    {
        var settings = new SessionOptions { IntraOpNumThreads = options.Threads, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        try
        {
            if (!options.Spin) settings.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
            if (!options.Prepack) settings.AddSessionConfigEntry("session.disable_prepacking", "1");
            if (options.Device == "cuda") settings.AppendExecutionProvider_CUDA();
            else if (options.Device != "cpu") throw new OnnxException($"'{options.Device}' is no device of ONNX Runtime here. Use cpu or cuda.");
            return settings;
        }
        catch (Exception e) when (e is OnnxRuntimeException or EntryPointNotFoundException)
        {
            settings.Dispose();
            throw new OnnxException(
                $"ONNX Runtime has no CUDA here: {e.Message} Set the MSBuild property ModelCompilerAccelerator to cuda on a machine with a CUDA device, or use device cpu.", e);
        }
        catch
        {
            settings.Dispose();
            throw;
        }
    }
}
