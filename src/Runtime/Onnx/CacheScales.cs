using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>What an integer of 8 bits stands for in each channel of a layer's keys and values, [Hkv, D]: a value is integer · scale.</summary>
/// <param name="Keys">After they are rotated.</param>
/// <param name="Values">As attention sums them.</param>
internal sealed record CacheScales(float[] Keys, float[] Values)
{
    /// <summary>The scales under which 8 bits reach as far as keys and values did while the model, in fp32, read text.</summary>
    /// <param name="model">It describes the graph.</param>
    /// <param name="parameters">Its parameters.</param>
    /// <param name="windows">The text.</param>
    /// <param name="watch">Follows it, and may end it.</param>
    public static IReadOnlyList<CacheScales> Observe(ICompiledModel model, ParameterStore parameters, IReadOnlyList<int[]> windows, ExportWatch watch)
    {
        using var run = new CalibrationRun(model, parameters, windows);
        var ranges = new Dictionary<string, float[]>(StringComparer.Ordinal);
        run.Read([], (_, _) => { }, watch, () =>
        {
            foreach (var (cache, width, values) in run.Caches())
            {
                if (!ranges.TryGetValue(cache, out var range)) ranges.Add(cache, range = new float[values.Length / model.Description.Context]);
                var head = model.Description.Context * width;
                for (var i = 0; i < values.Length; i++)
                {
                    ref var most = ref range[(i / head * width) + (i % width)];
                    most = MathF.Max(most, MathF.Abs(values[i]));
                }
            }
        });
        return [.. Enumerable.Range(0, run.Graph.Caches).Select(layer => new CacheScales(Of("key", layer), Of("value", layer)))];

        // A channel that is always zero has any scale.
        float[] Of(string part, int layer) => [.. ranges[OnnxGraph.Cache(layer, part)].Select(most => most > 0 ? most / sbyte.MaxValue : 1)];
    }
}
