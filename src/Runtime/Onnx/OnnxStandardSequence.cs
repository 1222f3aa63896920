using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>
/// A model that was exported in operators of the ONNX standard alone, in ONNX Runtime: each run gives all caches anew, one token longer, so it is
/// slower than <see cref="OnnxProgram"/> and meant to check such an export.
/// </summary>
internal sealed class OnnxStandardSequence : IOnnxSequence
{
    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly string[] _pasts;
    private readonly string[] _outputs;
    private readonly OrtValue[] _caches;
    private readonly int _vocabulary;

    /// <param name="session">The model; it stays the caller's.</param>
    /// <param name="model">What it is.</param>
    public OnnxStandardSequence(InferenceSession session, ModelDescription model)
    {
        (_session, Context, _vocabulary) = (session, model.Context, model.Vocabulary);
        _pasts = [.. session.InputNames.Where(name => name.StartsWith("past_", StringComparison.Ordinal))];
        _outputs = [OnnxGraph.Logits, .. _pasts.Select(OnnxCaches.Present)];
        _caches = [.. _pasts.Select(Empty)];
    }

    public int Context { get; }

    public int Position { get; private set; }

    public void Reset()
    {
        Position = 0;
        for (var i = 0; i < _caches.Length; i++) Keep(i, Empty(_pasts[i]));
    }

    public void Run(ReadOnlySpan<int> tokens, Span<float> logits)
    {
        var (length, count) = (tokens.Length, logits.Length / _vocabulary);
        Dictionary<string, OrtValue> inputs = [];
        for (var i = 0; i < _pasts.Length; i++) inputs.Add(_pasts[i], _caches[i]);
        using var ids = Int64(1, [.. tokens.ToArray().Select(token => (long)token)]);
        using var positions = Int64(1, [.. Enumerable.Range(Position, tokens.Length).Select(position => (long)position)]);
        using var rows = OrtValue.CreateTensorValueFromMemory(Enumerable.Range(length - count, count).Select(row => (long)row).ToArray(), [count]);
        (inputs[OnnxGraph.InputIds], inputs[OnnxGraph.RowsInput]) = (ids, rows);
        if (_session.InputNames.Contains(OnnxGraph.PositionIds)) inputs[OnnxGraph.PositionIds] = positions;

        var outputs = _session.Run(_run, inputs, _outputs);
        using var found = outputs[0];
        for (var i = 0; i < _caches.Length; i++) Keep(i, outputs[i + 1]);
        found.GetTensorDataAsSpan<float>().CopyTo(logits);
        Position += length;
    }

    public void Dispose()
    {
        foreach (var cache in _caches) cache.Dispose();
        _run.Dispose();
    }

    private static OrtValue Int64(int batch, long[] values) => OrtValue.CreateTensorValueFromMemory(values, [batch, values.Length]);

    private void Keep(int cache, OrtValue value)
    {
        _caches[cache].Dispose();
        _caches[cache] = value;
    }

    /// <summary>No keys and values yet, or a state of zeros.</summary>
    private OrtValue Empty(string past)
    {
        long[] shape = [.. _session.InputMetadata[past].Dimensions.Select((dimension, axis) => dimension >= 0 ? dimension : axis == 0 ? 1L : 0L)];
        var value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, TensorElementType.Float, shape);
        value.GetTensorMutableDataAsSpan<float>().Clear();
        return value;
    }
}
