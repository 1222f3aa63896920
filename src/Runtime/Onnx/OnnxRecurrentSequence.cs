using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>
/// An exported Transformer-XL in ONNX Runtime: each layer's keys and values lie in a buffer of memory and segment, of which a run reads the
/// rows so far and writes the next. Where a segment ends, its last rows become the memory, so texts have no end.
/// </summary>
internal sealed class OnnxRecurrentSequence : IOnnxSequence, IObservedProgram
{
    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly NativeBuffer<float>[] _layers;
    private readonly int _memory;
    private readonly int _segment;
    private readonly int _width;
    private readonly int _vocabulary;
    private int _rows;

    /// <param name="session">The model; it stays the caller's.</param>
    /// <param name="model">What it is.</param>
    /// <param name="memory">Positions of the memory.</param>
    public OnnxRecurrentSequence(InferenceSession session, ModelDescription model, int memory)
    {
        (_session, _segment, _vocabulary, _memory) = (session, model.Context, model.Vocabulary, memory);
        string[] pasts = [.. session.InputNames.Where(name => name.StartsWith(OnnxGraph.PastMemory, StringComparison.Ordinal))];
        _width = session.InputMetadata[pasts[0]].Dimensions[^1];
        _layers = [.. pasts.Select(_ => new NativeBuffer<float>(TensorElementType.Float, 1, _memory + _segment, _width))];
    }

    public int Context => _memory > 0 ? int.MaxValue : _segment;

    public int Position { get; private set; }

    public void Reset() => (Position, _rows) = (0, 0);

    public void Run(ReadOnlySpan<int> tokens, Span<float> logits)
    {
        var rows = logits.Length / _vocabulary;
        while (tokens.Length > 0)
        {
            var position = Position % _segment; // over whose end no run goes
            if (position == 0) Remember();
            var count = Math.Min(tokens.Length, _segment - position);
            var after = tokens.Length - count;
            var wanted = Math.Clamp(rows - after, 1, count);
            RunPart(tokens[..count], wanted, after < rows ? logits.Slice((rows - after - wanted) * _vocabulary, wanted * _vocabulary) : []);
            tokens = tokens[count..];
        }
    }

    public void Observe(ReadOnlySpan<int> tokens, string[] outputs, ObserveValues observe)
    {
        if (_memory == 0) Reset();
        var position = Position % _segment;
        if (position == 0) Remember();
        if (position + tokens.Length > _segment) throw new ArgumentException($"{tokens.Length} tokens go over the end of a segment of {_segment}.", nameof(tokens));
        RunPart(tokens, rows: 1, [], outputs, observe);
    }

    public void Dispose()
    {
        foreach (var layer in _layers) layer.Dispose();
        _run.Dispose();
    }

    /// <summary>Keeps the last rows of what has been read.</summary>
    private void Remember()
    {
        var kept = Math.Min(_rows, _memory);
        foreach (var layer in _layers) layer.Span.Slice((_rows - kept) * _width, kept * _width).CopyTo(layer.Span);
        _rows = kept;
    }

    /// <param name="tokens">Within a segment.</param>
    /// <param name="rows">Of how many logits are computed.</param>
    /// <param name="into">Where they go; empty for nowhere.</param>
    /// <param name="observed">Other outputs that are wanted.</param>
    /// <param name="observe">Is shown them.</param>
    private void RunPart(ReadOnlySpan<int> tokens, int rows, Span<float> into, string[]? observed = null, ObserveValues? observe = null)
    {
        using var binding = _session.CreateIoBinding();
        // They come first among the outputs.
        foreach (var output in observed ?? []) binding.BindOutputToDevice(output, OrtMemoryInfo.DefaultInstance);
        using var ids = new NativeBuffer<long>(TensorElementType.Int64, 1, tokens.Length);
        using var last = new NativeBuffer<long>(TensorElementType.Int64, rows);
        using var logits = new NativeBuffer<float>(TensorElementType.Float, 1, rows, _vocabulary);
        for (var t = 0; t < tokens.Length; t++) ids.Span[t] = tokens[t];
        for (var row = 0; row < rows; row++) last.Span[row] = tokens.Length - rows + row;
        binding.BindInput(OnnxGraph.InputIds, ids.Value);
        binding.BindInput(OnnxGraph.RowsInput, last.Value);
        binding.BindOutput(OnnxGraph.Logits, logits.Value);
        for (var i = 0; i < _layers.Length; i++)
        {
            var site = i.ToString(CultureInfo.InvariantCulture);
            using var past = _layers[i].View(TensorElementType.Float, 0, 1, _rows, _width);
            using var added = _layers[i].View(TensorElementType.Float, _rows * _width, 1, tokens.Length, _width);
            binding.BindInput(OnnxGraph.PastMemory + site, past);
            binding.BindOutput(OnnxGraph.NewMemory + site, added);
        }

        _session.RunWithBinding(_run, binding);
        if (!into.IsEmpty) logits.Span.CopyTo(into);
        if (observe is not null)
        {
            using var outputs = binding.GetOutputValues();
            for (var i = 0; i < observed!.Length; i++) observe(i, outputs[i].GetTensorDataAsSpan<float>());
        }

        (Position, _rows) = (Position + tokens.Length, _rows + tokens.Length);
    }
}
