using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>A model in fp32 that reads windows of text as an ONNX graph, while values within it are observed.</summary>
internal sealed class CalibrationRun : IDisposable
{
    private readonly IReadOnlyList<int[]> _windows;
    private readonly DirectoryInfo _folder;
    private readonly IObservedProgram _program;
    private readonly OnnxModel? _opened;

    /// <param name="model">It describes the graph.</param>
    /// <param name="parameters">Its parameters.</param>
    /// <param name="windows">The text.</param>
    /// <param name="extend">Adds outputs to the graph.</param>
    /// <exception cref="OnnxException">There is no text.</exception>
    public CalibrationRun(ICompiledModel model, ParameterStore parameters, IReadOnlyList<int[]> windows, Action<OnnxBuilder, OnnxGraph>? extend = null)
    {
        if (windows.Count == 0)
            throw new OnnxException("This quantization observes the model while it reads held-out text, and there is none. Set training.data.validation above 0.");
        (_windows, _folder) = (windows, Directory.CreateTempSubdirectory("calibration-"));
        try
        {
            (Graph, _) = OnnxExport.WriteGraph(model, parameters, _folder.FullName, new(), extend);
            if (model.Description.Training.Objective.Kind != ObjectiveKind.Causal)
            {
                _program = OnnxEncoder.Open(model.Description, _folder.FullName);
                return;
            }

            _opened = OnnxModel.Open(model.Description, _folder.FullName);
            _program = Graph.Memory is { } memory
                ? new OnnxRecurrentSequence(_opened.Session, model.Description, memory)
                : new OnnxProgram(_opened, "cpu", batch: 1);
        }
        catch
        {
            _opened?.Dispose();
            _folder.Delete(recursive: true);
            throw;
        }
    }

    /// <summary>What the observed graph says of itself.</summary>
    public OnnxGraph Graph { get; }

    /// <summary>Runs the windows one by one.</summary>
    /// <param name="outputs">What is shown of each.</param>
    /// <param name="observe">Is shown it.</param>
    /// <param name="watch">Follows it, and may end it.</param>
    /// <param name="read">Is called after each.</param>
    public void Read(string[] outputs, ObserveValues observe, ExportWatch watch, Action? read = null) => watch.Run("calibrating", _windows.Count, step =>
    {
        foreach (var window in _windows)
        {
            _program.Observe(window, outputs, observe);
            read?.Invoke();
            step();
        }
    });

    /// <summary>Of a model with caches: the keys and values so far, each with its input's name and its head size D, [Hkv, context, D]; zeros, or those of the window before, where the text has not come yet.</summary>
    public IEnumerable<(string Input, int Width, float[] Values)> Caches() => ((OnnxProgram)_program).Caches.Values();

    public void Dispose()
    {
        _program.Dispose();
        _opened?.Dispose();
        _folder.Delete(recursive: true);
    }
}
