using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>An exported encoder in ONNX Runtime. Not thread-safe.</summary>
public sealed class OnnxEncoder : IEncoderProgram, IObservedProgram
{
    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly ModelDescription _model;
    private readonly string _folder;
    private readonly IReadOnlyDictionary<string, string> _metadata;
    private readonly SequenceParts? _parts;
    private float[] _result = [];

    private OnnxEncoder(InferenceSession session, ModelDescription model, string folder, IReadOnlyDictionary<string, string> metadata)
    {
        (_session, _model, _folder, _metadata) = (session, model, folder, metadata);
        Width = session.OutputMetadata[OnnxGraph.HiddenState].Dimensions[^1];
        if (session.InputNames.Contains(OnnxGraph.TypeIds))
            _parts = new SequenceParts(model.Training.SpecialTokens!.Sep, model.TokenTypes);
    }

    public int Context => _model.Context;

    public int Width { get; }

    /// <summary>Opens an exported encoder.</summary>
    /// <param name="model">The model that it is to be.</param>
    /// <param name="folder">Where it was exported to.</param>
    /// <param name="options">How it runs.</param>
    /// <exception cref="OnnxException">Files are missing, damaged, or of another model; or there is no such device.</exception>
    public static OnnxEncoder Open(ModelDescription model, string folder, OnnxOptions? options = null)
    {
        var metadata = OnnxFolder.Read(folder, model);
        return OnnxSession.Open(folder, metadata, options ?? new(), yields: false, session =>
        {
            var opened = new OnnxEncoder(session, model, folder, metadata);
            foreach (var value in opened.Encode([0]))
                if (!float.IsFinite(value)) throw new OnnxException($"The model in '{folder}' gives vectors that contain {value}: its weights are broken. Export it again from a checkpoint that is not.");
            return opened;
        });
    }

    /// <inheritdoc cref="OnnxModel.LoadTokenizer"/>
    public ITextTokenizer LoadTokenizer() => OnnxFolder.LoadTokenizer(_folder, _metadata);

    public ReadOnlySpan<float> Encode(ReadOnlySpan<int> tokens) => Run(tokens, OnnxGraph.HiddenState, tokens.Length, Width);

    public ReadOnlySpan<float> Predict(ReadOnlySpan<int> tokens) => _session.OutputNames.Contains(OnnxGraph.Logits)
        ? Run(tokens, OnnxGraph.Logits, tokens.Length, _model.Vocabulary)
        : throw new NotSupportedException("The model predicts no tokens: its objective is classification.");

    public ReadOnlySpan<float> Classify(ReadOnlySpan<int> tokens) => _session.OutputMetadata.TryGetValue(OnnxGraph.ClassLogits, out var classes)
        ? Run(tokens, OnnxGraph.ClassLogits, 1, classes.Dimensions[^1])
        : throw new NotSupportedException("The model has no classes: its objective is masked.");

    public void Dispose()
    {
        _run.Dispose();
        _session.Dispose();
    }

    void IObservedProgram.Observe(ReadOnlySpan<int> tokens, string[] outputs, ObserveValues observe)
    {
        using var binding = _session.CreateIoBinding();
        foreach (var output in outputs) binding.BindOutputToDevice(output, OrtMemoryInfo.DefaultInstance);
        // All tokens go through the head, which may be observed too.
        Run(binding, tokens, tokens.Length);
        using var found = binding.GetOutputValues();
        for (var i = 0; i < outputs.Length; i++) observe(i, found[i].GetTensorDataAsSpan<float>());
    }

    private float[] Run(ReadOnlySpan<int> tokens, string output, int rows, int width)
    {
        using var binding = _session.CreateIoBinding();
        if (_result.Length != rows * width) _result = new float[rows * width];
        using var values = new NativeBuffer<float>(TensorElementType.Float, output == OnnxGraph.ClassLogits ? [1, width] : [1, rows, width]);
        binding.BindOutput(output, values.Value);
        // The head computes the logits of these rows, and of one where they are not asked for.
        Run(binding, tokens, output == OnnxGraph.Logits ? rows : 1);
        values.Span.CopyTo(_result);
        return _result;
    }

    /// <summary>Runs a sequence whose outputs are bound.</summary>
    private void Run(OrtIoBinding binding, ReadOnlySpan<int> tokens, int rows)
    {
        TokenBuffer.Check(tokens, 1, 0, Context, _model.Vocabulary);
        using var ids = new NativeBuffer<long>(TensorElementType.Int64, 1, tokens.Length);
        using var mask = new NativeBuffer<long>(TensorElementType.Int64, 1, tokens.Length);
        using var types = new NativeBuffer<long>(TensorElementType.Int64, 1, tokens.Length);
        using var wanted = new NativeBuffer<long>(TensorElementType.Int64, rows);
        for (var t = 0; t < tokens.Length; t++) ids.Span[t] = tokens[t];
        for (var row = 0; row < wanted.Span.Length; row++) wanted.Span[row] = row;
        mask.Span.Fill(1);
        _parts?.Write(ids.Span, types.Span);
        Bind(OnnxGraph.InputIds, ids);
        Bind(OnnxGraph.Mask, mask);
        Bind(OnnxGraph.TypeIds, types);
        Bind(OnnxGraph.RowsInput, wanted);
        _session.RunWithBinding(_run, binding);

        void Bind(string input, NativeBuffer<long> value)
        {
            if (_session.InputNames.Contains(input)) binding.BindInput(input, value.Value);
        }
    }
}
