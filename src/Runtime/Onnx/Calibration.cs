using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Training;
using ModelCompiler.Runtime.Training.Feeds;
using static TorchSharp.torch;
using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>
/// What goes into the linear layers of a model while it reads text: sums over the inputs, window by window as a graph in fp32 runs that
/// gives these inputs too. Layers that share a weight have one sum over the inputs of all of them.
/// </summary>
internal sealed class Calibration : IDisposable
{
    private const int MostWindows = 128, Seed = 0;

    private readonly Dictionary<string, LinearInput> _inputs;

    private Calibration(OnnxGraph graph, Dictionary<string, LinearInput> inputs)
    {
        (Graph, _inputs) = (graph, inputs);
        Moments = inputs.ToDictionary(input => input.Key, input => input.Value.Moments);
    }

    /// <summary>What the observed graph says of itself.</summary>
    public OnnxGraph Graph { get; }

    /// <summary>fp32 [K, K] by the layer's name: the sum of x · xᵀ.</summary>
    public IReadOnlyDictionary<string, Tensor> Moments { get; }

    /// <summary>The inputs by the layer's name.</summary>
    public IReadOnlyDictionary<string, LinearInput> Inputs => _inputs;

    /// <summary>
    /// 128 windows of the training text, evenly spread: of an encoder's as it is trained on them, with hidden tokens or as examples; where a
    /// memory goes from one to the next, one after the other.
    /// </summary>
    public static int[][] Windows(Dataset data, ModelDescription model)
    {
        if (data.Training.Count == 0) return [];
        var settings = model.Training;
        var (tokens, targets) = (new long[model.Context], new long[model.Context]);
        if (settings.Objective.Kind == ObjectiveKind.Classification)
        {
            var examples = new LabeledBatches(data.TrainingExamples, settings.SpecialTokens!, batch: 1, model.Context, seed: null, MostWindows);
            return Read(examples, examples.Batches);
        }

        var windows = new ValidationWindows(data.Training, batch: 1, model.Context - TrainingFeeds.SpecialTokens(settings), MostWindows, continuous: model.SegmentMemory > 0);
        return Read(settings.Objective.Kind == ObjectiveKind.Causal ? windows : TrainingFeeds.Masked(settings, data, windows, Seed), windows.Batches);

        int[][] Read(IBatchSource source, int count) =>
        [
            .. Enumerable.Range(0, count).Select(i =>
            {
                source.Fill(i, tokens, targets);
                var length = settings.SpecialTokens?.Length(tokens) ?? tokens.Length;
                return tokens.Take(length).Select(token => (int)token).ToArray();
            }),
        ];
    }

    /// <param name="model">It describes the graph.</param>
    /// <param name="parameters">Its parameters, on the CPU.</param>
    /// <param name="windows">The text.</param>
    /// <param name="watch">Follows it, and may end it.</param>
    /// <exception cref="OnnxException">There is no text.</exception>
    public static Calibration Observe(ICompiledModel model, ParameterStore parameters, IReadOnlyList<int[]> windows, ExportWatch watch)
    {
        using var run = new CalibrationRun(model, parameters, windows, (builder, g) =>
        {
            foreach (var input in g.LinearLayers.Select(layer => layer.Input).Distinct())
                builder.Output(input.Name, DataType.Float, "batch", "any", "width");
        });
        var graph = run.Graph;
        // A weight has a sum over all that is multiplied with it, and weights of the same inputs have one.
        var keys = graph.LinearLayers.GroupBy(layer => layer.Source)
            .ToDictionary(group => group.Key, group => string.Join(' ', group.Select(layer => layer.Input.Name).Distinct()));
        var inputs = graph.LinearLayers.Select(layer => (Key: keys[layer.Source], layer.Input.Width)).Distinct().ToDictionary(pair => pair.Key, pair => new LinearInput(pair.Width));
        var sums = graph.LinearLayers.Select(layer => (layer.Input, Sum: inputs[keys[layer.Source]])).Distinct().ToLookup(pair => pair.Input, pair => pair.Sum);
        OnnxValue[] values = [.. sums.Select(pair => pair.Key)];
        run.Read([.. values.Select(value => value.Name)], (index, rows) =>
        {
            foreach (var sum in sums[values[index]]) sum.Add(rows);
        }, watch);
        return new Calibration(graph, graph.LinearLayers.ToDictionary(layer => layer.Name, layer => inputs[keys[layer.Source]]));
    }

    public void Dispose()
    {
        foreach (var input in _inputs.Values.Distinct()) input.Moments.Dispose();
        foreach (var layer in Graph.LinearLayers) layer.Weight.Dispose();
    }
}

/// <summary>Sums over the inputs x [K] of a linear layer.</summary>
/// <param name="width">K</param>
internal sealed class LinearInput(int width)
{
    /// <summary>fp32 [K, K]: the sum of x · xᵀ.</summary>
    public Tensor Moments { get; } = zeros(width, width).DetachFromDisposeScope();

    /// <summary>[K]: the sum of |x|.</summary>
    public float[] Magnitudes { get; } = new float[width];

    /// <summary>[K]: the least x, or 0.</summary>
    public float[] Least { get; } = new float[width];

    /// <summary>[K]: the largest x, or 0.</summary>
    public float[] Most { get; } = new float[width];

    /// <param name="values">Rows of K.</param>
    public void Add(ReadOnlySpan<float> values)
    {
        using var scope = NewDisposeScope();
        var x = tensor(values.ToArray(), [values.Length / width, width]);
        Moments.add_(SecondMoments.Of(x), HeldScalars.One);
        for (var start = 0; start < values.Length; start += width)
        {
            for (var i = 0; i < width; i++)
            {
                var value = values[start + i];
                Magnitudes[i] += MathF.Abs(value);
                (Least[i], Most[i]) = (MathF.Min(Least[i], value), MathF.Max(Most[i], value));
            }
        }
    }

    /// <summary>What it would be had its channels been divided by scales [K].</summary>
    public void Divide(ReadOnlySpan<float> scales)
    {
        using var scope = NewDisposeScope();
        var divisors = tensor(scales.ToArray());
        Moments.div_(divisors.outer(divisors));
        for (var i = 0; i < width; i++) (Magnitudes[i], Least[i], Most[i]) = (Magnitudes[i] / scales[i], Least[i] / scales[i], Most[i] / scales[i]);
    }
}
