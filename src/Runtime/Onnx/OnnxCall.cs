using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>A run over a fixed number of tokens of sequences that follow each other, with its inputs and outputs bound.</summary>
internal sealed class OnnxCall : IDisposable
{
    private readonly InferenceSession _session;
    private readonly OrtIoBinding _binding;
    private readonly int _first;
    private readonly int _tokens;
    private readonly int _rows;
    private readonly NativeBuffer<long> _ids;
    private readonly NativeBuffer<long> _rowIndices;
    private readonly NativeBuffer<long>? _positions;
    private readonly NativeBuffer<int>? _pastLengths;
    private readonly NativeBuffer<int>? _totalLength;
    private readonly NativeBuffer<float> _logits;
    private readonly int _observed;

    /// <param name="session">The model.</param>
    /// <param name="caches">Of the program.</param>
    /// <param name="first">The first sequence.</param>
    /// <param name="count">Sequences.</param>
    /// <param name="tokens">New tokens of each.</param>
    /// <param name="rows">Of how many of these, the last, logits are wanted.</param>
    /// <param name="vocabulary">V</param>
    /// <param name="observed">Other outputs that are wanted.</param>
    public OnnxCall(InferenceSession session, OnnxCaches caches, int first, int count, int tokens, int rows, int vocabulary, string[] observed)
    {
        (_session, _first, _tokens, _rows, _observed) = (session, first, tokens, rows, observed.Length);
        _binding = session.CreateIoBinding();
        _ids = Bind<long>(OnnxGraph.InputIds, TensorElementType.Int64, count, tokens);
        _rowIndices = Bind<long>(OnnxGraph.RowsInput, TensorElementType.Int64, rows);
        for (var row = 0; row < rows; row++) _rowIndices.Span[row] = tokens - rows + row;
        if (session.InputNames.Contains(OnnxGraph.PositionIds)) _positions = Bind<long>(OnnxGraph.PositionIds, TensorElementType.Int64, count, tokens);
        if (session.InputNames.Contains(OnnxGraph.PastLengths))
        {
            _pastLengths = Bind<int>(OnnxGraph.PastLengths, TensorElementType.Int32, count);
            _totalLength = Bind<int>(OnnxGraph.TotalLength, TensorElementType.Int32);
        }

        // In the order of the observed outputs, which come first so that Show finds them.
        foreach (var output in observed) _binding.BindOutputToDevice(output, OrtMemoryInfo.DefaultInstance);
        _logits = new NativeBuffer<float>(TensorElementType.Float, count, rows, vocabulary);
        _binding.BindOutput(OnnxGraph.Logits, _logits.Value);
        caches.Bind(_binding, first, count);
    }

    /// <summary>[count, rows, V]</summary>
    public ReadOnlySpan<float> Logits => _logits.Span;

    /// <summary>Whether it is one of so many tokens of one sequence.</summary>
    public bool Fits(int sequence, int tokens, int rows) => (_first, _tokens, _rows) == (sequence, tokens, rows);

    /// <summary>Sets the tokens of the i-th sequence, which start at a position.</summary>
    public void Write(int i, ReadOnlySpan<int> tokens, int position)
    {
        var ids = _ids.Span.Slice(i * _tokens, _tokens);
        for (var t = 0; t < tokens.Length; t++) ids[t] = tokens[t];
        if (_positions is { } positions)
            for (var t = 0; t < tokens.Length; t++) positions.Span[(i * _tokens) + t] = position + t;
        if (_pastLengths is { } past) past.Span[i] = position + tokens.Length - 1;
    }

    public void Run(RunOptions options)
    {
        if (_pastLengths is { } past && _totalLength is { } total)
        {
            var longest = 0;
            foreach (var length in past.Span) longest = Math.Max(longest, length);
            total.Span[0] = longest + 1;
        }

        _session.RunWithBinding(options, _binding);
    }

    public void Show(ObserveValues observe)
    {
        using var outputs = _binding.GetOutputValues();
        for (var i = 0; i < _observed; i++) observe(i, outputs[i].GetTensorDataAsSpan<float>());
    }

    public void Dispose()
    {
        _binding.Dispose();
        _ids.Dispose();
        _rowIndices.Dispose();
        _positions?.Dispose();
        _pastLengths?.Dispose();
        _totalLength?.Dispose();
        _logits.Dispose();
    }

    private NativeBuffer<T> Bind<T>(string input, TensorElementType type, params long[] shape)
        where T : unmanaged
    {
        var buffer = new NativeBuffer<T>(type, shape);
        _binding.BindInput(input, buffer.Value);
        return buffer;
    }
}
