using Microsoft.ML.OnnxRuntime;
using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Onnx.Steps;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>
/// An exported model in ONNX Runtime over key-value caches that are allocated once and updated in place. A step of one token a sequence runs
/// over buffers that are bound once: it allocates nothing on the managed heap but what ONNX Runtime's call does itself. Where there are kernels of our own, they run
/// up to eight tokens at once, over the same caches.
/// </summary>
public sealed class OnnxProgram : IInferenceProgram, IObservedProgram
{
    /// <summary>Most tokens of a prompt that are run at once.</summary>
    private const int Chunk = 512;

    /// <summary>In the place of a sequence's last token, where those behind it were taken back.</summary>
    private const int Unknown = -1;

    private readonly InferenceSession _session;
    private readonly OnnxModel? _owned;
    private readonly RunOptions _run = new();
    private readonly OnnxCaches _caches;
    private readonly StepRun? _few;
    private readonly Dictionary<(int First, int Count), OnnxCall> _steps = [];
    private readonly int[] _positions;
    private readonly int[] _last; // tokens, or Unknown
    private OnnxCall? _chunk;
    private float[] _logits;

    internal OnnxProgram(OnnxModel model, string device, int batch, bool owns = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batch);
        (_session, Context, Vocabulary, Batch) = (model.Session, model.Description.Context, model.Description.Vocabulary, batch);
        (_positions, _last, _logits) = (new int[batch], new int[batch], new float[Vocabulary]);
        _caches = new OnnxCaches(_session, device, batch);
        if (model.Steps is { } plan) _few = new StepRun(plan, _caches, Vocabulary);
        _owned = owns ? model : null;
    }

    public int Batch { get; }

    public int Vocabulary { get; }

    public int Context { get; }

    public bool CanTruncate => !_caches.HasStates;

    /// <summary>Opens an exported model for one program of one sequence.</summary>
    /// <inheritdoc cref="OnnxModel.Open(ModelDescription, string, OnnxOptions?)"/>
    public static OnnxProgram Open(ModelDescription model, string folder, OnnxOptions? options = null)
    {
        var opened = OnnxModel.Open(model, folder, options);
        try
        {
            return new OnnxProgram(opened, options?.Device ?? "cpu", batch: 1, owns: true);
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    public int PositionOf(int sequence) => _positions[sequence];

    public int Truncate(int sequence, int position)
    {
        if (position >= _positions[sequence]) return _positions[sequence];
        if (_caches.HasStates) _caches.ClearStates(sequence); // a cache is read up to the position only
        _last[sequence] = Unknown;
        return _positions[sequence] = CanTruncate ? position : 0;
    }

    public ReadOnlySpan<float> Forward(int sequence, scoped ReadOnlySpan<int> tokens, int rows = 1)
    {
        TokenBuffer.Check(tokens, rows, _positions[sequence], Context, Vocabulary);
        if (_few is not null && rows <= StepTokens.Most) return ForwardFew(_few, sequence, tokens, rows);
        return tokens.Length == 1 ? Step([sequence], tokens) : ForwardTogether(sequence, tokens, rows);
    }

    /// <summary>In ONNX Runtime, in chunks.</summary>
    private Span<float> ForwardTogether(int sequence, scoped ReadOnlySpan<int> tokens, int rows)
    {
        var logits = Logits(rows);
        while (tokens.Length > 0)
        {
            var length = Math.Min(tokens.Length, Chunk);
            var after = tokens.Length - length;
            var wanted = Math.Clamp(rows - after, 1, length);
            var call = ChunkOf(sequence, length, wanted);
            call.Write(0, tokens[..length], _positions[sequence]);
            call.Run(_run);
            Advance(sequence, tokens[..length]);
            if (after < rows) call.Logits.CopyTo(logits[((rows - after - wanted) * Vocabulary)..]);
            tokens = tokens[length..];
        }

        return logits;
    }

    public ReadOnlySpan<float> Step(scoped ReadOnlySpan<int> sequences, scoped ReadOnlySpan<int> tokens)
    {
        for (var i = 0; i < tokens.Length; i++)
        {
            TokenBuffer.Check(tokens.Slice(i, 1), 1, _positions[sequences[i]], Context, Vocabulary);
            if (sequences[..i].Contains(sequences[i])) throw new ArgumentException($"Sequence {sequences[i]} is named twice in a step: it takes a token of each.", nameof(sequences));
        }

        if (sequences.Length <= _few?.MostSequences) return StepFew(_few, sequences, tokens);
        var (first, end) = (Batch, 0);
        foreach (var sequence in sequences) (first, end) = (Math.Min(first, sequence), Math.Max(end, sequence + 1));
        if (end - first > sequences.Length && (_few is not null || _caches.HasStates || CannotWait(sequences, first, end))) return StepEach(sequences, tokens);
        if (!_steps.TryGetValue((first, end - first), out var call))
            _steps.Add((first, end - first), call = new OnnxCall(_session, _caches, first, end - first, tokens: 1, rows: 1, Vocabulary, []));

        // A sequence between them repeats its last token, which changes nothing.
        for (var sequence = first; sequence < end; sequence++)
            call.Write(sequence - first, [Math.Max(0, _last[sequence])], Math.Max(0, _positions[sequence] - 1));
        for (var i = 0; i < tokens.Length; i++) call.Write(sequences[i] - first, tokens.Slice(i, 1), _positions[sequences[i]]);
        call.Run(_run);
        var logits = Logits(tokens.Length);
        for (var i = 0; i < tokens.Length; i++)
        {
            Advance(sequences[i], tokens.Slice(i, 1));
            call.Logits.Slice((sequences[i] - first) * Vocabulary, Vocabulary).CopyTo(logits[(i * Vocabulary)..]);
        }

        return logits;
    }

    /// <summary>By the kernels, in one pass.</summary>
    private Span<float> StepFew(StepRun run, scoped ReadOnlySpan<int> sequences, scoped ReadOnlySpan<int> tokens)
    {
        var logits = Logits(tokens.Length);
        run.Clear(tokens.Length);
        for (var i = 0; i < tokens.Length; i++) run.Add(sequences[i], tokens[i], _positions[sequences[i]]);
        run.Run(wanted: tokens.Length, logits);
        for (var i = 0; i < tokens.Length; i++) Advance(sequences[i], tokens.Slice(i, 1));
        return logits;
    }

    /// <summary>Tokens whose logits are wanted by the kernels, so that they come to the same wherever they stand; others before them, if they are many, in ONNX Runtime.</summary>
    private Span<float> ForwardFew(StepRun run, int sequence, scoped ReadOnlySpan<int> tokens, int rows)
    {
        if (tokens.Length > StepTokens.Most)
        {
            ForwardTogether(sequence, tokens[..^rows], rows: 1);
            tokens = tokens[^rows..];
        }

        var logits = Logits(rows);
        run.Clear(tokens.Length);
        for (var i = 0; i < tokens.Length; i++) run.Add(sequence, tokens[i], _positions[sequence] + i);
        run.Run(rows, logits);
        Advance(sequence, tokens);
        return logits;
    }

    /// <summary>Whether one that waits has tokens of which the last is not known, so that it cannot repeat it.</summary>
    private bool CannotWait(scoped ReadOnlySpan<int> sequences, int first, int end)
    {
        for (var sequence = first; sequence < end; sequence++)
            if (_last[sequence] == Unknown && _positions[sequence] > 0 && !sequences.Contains(sequence)) return true;
        return false;
    }

    /// <summary>One by one, or as many as the kernels take: a state cannot wait by repeating a token.</summary>
    private ReadOnlySpan<float> StepEach(scoped ReadOnlySpan<int> sequences, scoped ReadOnlySpan<int> tokens)
    {
        var all = new float[tokens.Length * Vocabulary];
        var most = _few?.MostSequences ?? 1;
        for (var i = 0; i < tokens.Length; i += most)
        {
            var count = Math.Min(most, tokens.Length - i);
            Step(sequences.Slice(i, count), tokens.Slice(i, count)).CopyTo(all.AsSpan(i * Vocabulary));
        }

        return all;
    }

    /// <summary>Appends tokens to the first sequence, emptied, and shows the values of other outputs of the graph.</summary>
    void IObservedProgram.Observe(ReadOnlySpan<int> tokens, string[] outputs, ObserveValues observe)
    {
        Truncate(0, 0);
        TokenBuffer.Check(tokens, 1, _positions[0], Context, Vocabulary);
        using var call = new OnnxCall(_session, _caches, first: 0, count: 1, tokens.Length, rows: 1, Vocabulary, outputs);
        call.Write(0, tokens, _positions[0]);
        call.Run(_run);
        Advance(0, tokens);
        call.Show(observe);
    }

    internal OnnxCaches Caches => _caches;

    public void Dispose()
    {
        foreach (var call in _steps.Values) call.Dispose();
        _chunk?.Dispose();
        _few?.Dispose();
        _caches.Dispose();
        _run.Dispose();
        _owned?.Dispose();
    }

    private void Advance(int sequence, ReadOnlySpan<int> tokens) =>
        (_positions[sequence], _last[sequence]) = (_positions[sequence] + tokens.Length, tokens[^1]);

    /// <summary>That of the last chunk, if it was of this shape.</summary>
    private OnnxCall ChunkOf(int sequence, int tokens, int rows)
    {
        if (_chunk?.Fits(sequence, tokens, rows) is true) return _chunk;
        _chunk?.Dispose();
        return _chunk = new OnnxCall(_session, _caches, sequence, count: 1, tokens, rows, Vocabulary, []);
    }

    private Span<float> Logits(int rows)
    {
        if (_logits.Length < rows * Vocabulary) _logits = new float[rows * Vocabulary];
        return _logits.AsSpan(0, rows * Vocabulary);
    }
}
