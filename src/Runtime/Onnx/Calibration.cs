using ModelCompiler.Runtime.Onnx.Linears;
using static TorchSharp.torch;
using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>
/// What goes into the linear layers of a model while it reads text: the second moments of their inputs, summed window by window as a
/// graph in fp32 runs that gives these inputs too.
/// </summary>
internal sealed class Calibration : IDisposable
{
    private readonly Dictionary<string, Tensor> _moments;

    private Calibration(Dictionary<string, Tensor> moments) => _moments = moments;

    /// <summary>fp32 [K, K] by the layer's name: the sum of x · xᵀ.</summary>
    public IReadOnlyDictionary<string, Tensor> Moments => _moments;

    /// <exception cref="OnnxException">There is no text.</exception>
    public static Calibration Observe(ICompiledModel model, IReadOnlyList<int[]> windows)
    {
        if (windows.Count == 0)
            throw new OnnxException("This quantization method observes the model while it reads held-out text, and there is none. Set training.data.validation above 0.");
        var folder = Directory.CreateTempSubdirectory("calibration-").FullName;
        try
        {
            var (graph, _) = OnnxExport.WriteGraph(model, folder, LinearForms.Fp32, null, "", extend: (builder, g) =>
            {
                foreach (var input in g.LinearInputs.Select(layer => layer.Input).Distinct())
                    builder.Output(input.Name, DataType.Float, "batch", "any", "width");
            });
            return Observe(model, folder, graph, windows);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public void Dispose()
    {
        foreach (var moments in _moments.Values.Distinct()) moments.Dispose();
    }

    private static Calibration Observe(ICompiledModel model, string folder, OnnxGraph graph, IReadOnlyList<int[]> windows)
    {
        using var program = OnnxProgram.Open(model.Description, folder);
        var byInput = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        OnnxValue[] inputs = [.. graph.LinearInputs.Select(layer => layer.Input).Distinct()];
        foreach (var window in windows)
        {
            program.Reset();
            program.Observe(window, [.. inputs.Select(input => input.Name)], (index, values) => Add(byInput, inputs[index], values));
        }

        return new Calibration(graph.LinearInputs.ToDictionary(layer => layer.Layer, layer => byInput[layer.Input.Name]));
    }

    private static unsafe void Add(Dictionary<string, Tensor> sums, OnnxValue input, ReadOnlySpan<float> values)
    {
        using var scope = NewDisposeScope();
        var x = tensor(values.ToArray(), [values.Length / input.Width, input.Width]);
        if (!sums.TryGetValue(input.Name, out var sum))
            sums.Add(input.Name, sum = zeros(input.Width, input.Width).DetachFromDisposeScope());
        sum.add_(x.t().mm(x));
    }
}
