using Microsoft.ML.OnnxRuntime;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>Loads exported models into ONNX Runtime.</summary>
internal static class OnnxSession
{
    /// <summary>Opens a folder whose files are whole, and makes of its session what is asked for.</summary>
    /// <param name="model">The model that it is to be.</param>
    /// <param name="folder">Where it was exported to.</param>
    /// <param name="options">How it runs.</param>
    /// <param name="make">Takes the session over; it is given the graph's metadata too.</param>
    /// <exception cref="OnnxException">Files are missing, damaged, or of another model; or there is no such device.</exception>
    public static T Open<T>(ModelDescription model, string folder, OnnxOptions options, Func<InferenceSession, IReadOnlyDictionary<string, string>, T> make)
    {
        var metadata = OnnxFolder.Read(folder, model);
        InferenceSession? session = null;
        try
        {
            using var settings = Settings(options with { Prepack = options.Prepack || metadata[OnnxFolder.Quantization] != OnnxExport.Fp32 });
            session = new InferenceSession(OnnxFolder.GraphPath(folder), settings);
            return make(session, metadata);
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
