using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using ModelCompiler.Runtime.Inference;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>
/// An exported model in ONNX Runtime, over a key-value cache that is allocated once and updated in place. A step of one token runs over
/// buffers that are bound once: it allocates nothing on the managed heap but what ONNX Runtime's call does itself. Not thread-safe.
/// </summary>
public sealed class OnnxProgram : IInferenceProgram
{
    /// <summary>Most tokens of a prompt that are run at once.</summary>
    private const int Chunk = 512;

    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly NativeBuffer<float>[] _caches;
    private readonly NativeBuffer<float>[] _states;
    private readonly string[] _pasts;
    private readonly string[] _presents;
    private readonly NativeBuffer<int>? _pastLength;
    private readonly NativeBuffer<int>? _totalLength;
    private readonly bool _hasPositions;
    private readonly int _vocabulary;
    private readonly float[] _logits;
    private readonly Call _single;

    internal OnnxProgram(InferenceSession session, ModelDescription model)
    {
        (_session, Context, _vocabulary) = (session, model.Context, model.Vocabulary);
        _logits = new float[model.Vocabulary];
        _pasts = [.. session.InputNames.Where(name => name.StartsWith("past_", StringComparison.Ordinal))];
        _presents = [.. _pasts.Select(Present)];
        _caches = [.. _pasts.Select(name => NewCache(session.InputMetadata[name].Dimensions))];
        _states = [.. _caches.Where((_, i) => _pasts[i].StartsWith(OnnxGraph.PastStates, StringComparison.Ordinal))];
        _hasPositions = session.InputNames.Contains(OnnxGraph.PositionIds);
        if (session.InputNames.Contains(OnnxGraph.PastLengths))
        {
            _pastLength = new NativeBuffer<int>(TensorElementType.Int32, 1);
            _totalLength = new NativeBuffer<int>(TensorElementType.Int32);
        }

        _single = new Call(this, tokens: 1, rows: 1, []);
    }

    public int Context { get; }

    public int Position { get; private set; }

    /// <summary>Opens an exported model.</summary>
    /// <param name="model">The model that it is to be.</param>
    /// <param name="folder">Where it was exported to.</param>
    /// <param name="threads">Threads within an operator; 0 for one a core.</param>
    /// <exception cref="OnnxException">Files are missing, damaged, or of another model.</exception>
    public static OnnxProgram Open(ModelDescription model, string folder, int threads = 0) =>
        OnnxSession.Open(model, folder, threads, session => new OnnxProgram(session, model));

    public void Reset()
    {
        Position = 0;
        foreach (var state in _states) state.Span.Clear(); // a cache is read up to the position only
    }

    public ReadOnlySpan<float> Forward(ReadOnlySpan<int> tokens)
    {
        TokenBuffer.Check(tokens, Position, Context, _vocabulary);
        while (tokens.Length > 1)
        {
            var length = Math.Min(tokens.Length, Chunk);
            using var call = new Call(this, length, rows: 1, []);
            call.Run(tokens[..length], _logits);
            tokens = tokens[length..];
        }

        if (tokens.Length == 1) _single.Run(tokens, _logits);
        return _logits;
    }

    /// <summary>The logits after each token, appended to the cache.</summary>
    /// <param name="tokens">At most the rest of the context.</param>
    /// <param name="logits">[tokens, V]</param>
    public void ForwardAll(ReadOnlySpan<int> tokens, Span<float> logits)
    {
        TokenBuffer.Check(tokens, Position, Context, _vocabulary);
        using var call = new Call(this, tokens.Length, tokens.Length, []);
        call.Run(tokens, logits);
    }

    /// <summary>Appends tokens and shows the values of other outputs of the graph.</summary>
    internal void Observe(ReadOnlySpan<int> tokens, string[] outputs, ObserveValues observe)
    {
        TokenBuffer.Check(tokens, Position, Context, _vocabulary);
        using var call = new Call(this, tokens.Length, rows: 1, outputs);
        call.Run(tokens, _logits);
        call.Show(observe);
    }

    internal delegate void ObserveValues(int output, ReadOnlySpan<float> values);

    public void Dispose()
    {
        _single.Dispose();
        foreach (var cache in _caches) cache.Dispose();
        _pastLength?.Dispose();
        _totalLength?.Dispose();
        _run.Dispose();
        _session.Dispose();
    }

    /// <summary>The output that takes the place of an input.</summary>
    internal static string Present(string past) => past.StartsWith(OnnxGraph.PastStates, StringComparison.Ordinal)
        ? past.Replace(OnnxGraph.PastStates, OnnxGraph.PresentStates, StringComparison.Ordinal)
        : past.Replace("past_key_values.", "present.", StringComparison.Ordinal);

    private static NativeBuffer<float> NewCache(int[] dimensions) =>
        new(TensorElementType.Float, [.. dimensions.Select(dimension => Math.Max(1L, dimension))]);

    /// <summary>A run over a fixed number of tokens, with its inputs and outputs bound.</summary>
    private sealed class Call : IDisposable
    {
        private readonly OnnxProgram _program;
        private readonly OrtIoBinding _binding;
        private readonly NativeBuffer<long> _ids;
        private readonly NativeBuffer<long> _rows;
        private readonly NativeBuffer<long>? _positions;
        private readonly NativeBuffer<float> _logits;
        private readonly int _observed;

        public Call(OnnxProgram program, int tokens, int rows, string[] observed)
        {
            (_program, _observed) = (program, observed.Length);
            _binding = program._session.CreateIoBinding();
            _ids = new NativeBuffer<long>(TensorElementType.Int64, 1, tokens);
            _rows = new NativeBuffer<long>(TensorElementType.Int64, rows);
            _logits = new NativeBuffer<float>(TensorElementType.Float, 1, rows, program._vocabulary);
            for (var row = 0; row < rows; row++) _rows.Span[row] = tokens - rows + row;
            _binding.BindInput(OnnxGraph.InputIds, _ids.Value);
            _binding.BindInput(OnnxGraph.RowsInput, _rows.Value);
            if (program._hasPositions)
            {
                _positions = new NativeBuffer<long>(TensorElementType.Int64, 1, tokens);
                _binding.BindInput(OnnxGraph.PositionIds, _positions.Value);
            }

            if (program._pastLength is { } past && program._totalLength is { } total)
            {
                _binding.BindInput(OnnxGraph.PastLengths, past.Value);
                _binding.BindInput(OnnxGraph.TotalLength, total.Value);
            }

            // In the order of the observed outputs, which come first so that Show finds them.
            foreach (var output in observed) _binding.BindOutputToDevice(output, OrtMemoryInfo.DefaultInstance);
            _binding.BindOutput(OnnxGraph.Logits, _logits.Value);
            for (var i = 0; i < program._caches.Length; i++)
            {
                _binding.BindInput(program._pasts[i], program._caches[i].Value);
                _binding.BindOutput(program._presents[i], program._caches[i].Value);
            }
        }

        public void Run(ReadOnlySpan<int> tokens, Span<float> logits)
        {
            var ids = _ids.Span;
            for (var i = 0; i < tokens.Length; i++) ids[i] = tokens[i];
            if (_positions is { } positions)
                for (var i = 0; i < tokens.Length; i++) positions.Span[i] = _program.Position + i;
            var total = _program.Position + tokens.Length;
            if (_program._pastLength is { } past && _program._totalLength is { } length)
            {
                past.Span[0] = total - 1;
                length.Span[0] = total;
            }

            _program._session.RunWithBinding(_program._run, _binding);
            _program.Position = total;
            _logits.Span.CopyTo(logits);
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
            _rows.Dispose();
            _positions?.Dispose();
            _logits.Dispose();
        }
    }
}
