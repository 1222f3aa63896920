using ModelCompiler.Runtime.Memory;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Inference;

/// <summary>The values of a pass.</summary>
public interface IPassValues : IDisposable
{
    /// <summary>Rows of the pass.</summary>
    int Rows { get; }

    /// <summary>Its token ids.</summary>
    TokenBuffer Tokens { get; }

    /// <summary>The logits of its last rows, [at least those that are wanted, V].</summary>
    Tensor Logits { get; }
}

/// <summary>What generated inference programs have in common: positions, chunks and buffers around the generated pass.</summary>
/// <param name="device">Where the model lies.</param>
/// <param name="batch">Sequences.</param>
/// <param name="size">Tokens of a sequence; of a segment, where a memory slides.</param>
/// <param name="vocabulary">V</param>
public abstract class SequenceProgram<TValues>(Device device, int batch, int size, int vocabulary) : IInferenceProgram
    where TValues : class, IPassValues
{
    /// <summary>Most tokens of a pass.</summary>
    private const int Chunk = 64;

    private readonly int[] _totals = new int[Positive(batch)];
    private readonly int[] _positions = new int[batch];
    private readonly int[] _remembered = new int[batch];
    private TValues? _step;
    private TValues? _chunk;
    private float[] _logits = new float[vocabulary];

    public int Batch => batch;

    public int Vocabulary => vocabulary;

    public int Context => Memory > 0 ? int.MaxValue : size;

    public bool CanTruncate => Memory == 0 && !HasState;

    /// <summary>Owns the caches of the sequences.</summary>
    protected TensorPool Caches { get; } = new(device);

    protected Device Device => device;

    /// <summary>Positions before the segment, M; 0 without a memory.</summary>
    protected virtual int Memory => 0;

    /// <summary>Whether a layer keeps a state instead of its past.</summary>
    protected virtual bool HasState => false;

    public int PositionOf(int sequence) => _totals[sequence];

    public int Truncate(int sequence, int position)
    {
        if (position < _totals[sequence]) _totals[sequence] = CanTruncate ? position : 0;
        return _totals[sequence];
    }

    public ReadOnlySpan<float> Forward(int sequence, scoped ReadOnlySpan<int> tokens, int rows = 1)
    {
        TokenBuffer.Check(tokens, rows, _totals[sequence], Context, vocabulary);
        var logits = Logits(rows);
        while (tokens.Length > 0)
        {
            // No chunk goes over the end of a segment.
            var chunk = Math.Min(tokens.Length, Chunk);
            if (Memory > 0) chunk = Math.Min(chunk, size - (_totals[sequence] % size));
            var after = tokens.Length - chunk;
            var wanted = Math.Clamp(rows - after, 1, chunk);
            var values = ValuesOf(chunk, wanted);
            Pass(values, [sequence], tokens[..chunk]);
            if (after < rows) TokenBuffer.Read(values.Logits, logits.Slice((rows - after - wanted) * vocabulary, wanted * vocabulary));
            tokens = tokens[chunk..];
        }

        return logits;
    }

    public ReadOnlySpan<float> Step(scoped ReadOnlySpan<int> sequences, scoped ReadOnlySpan<int> tokens)
    {
        for (var i = 0; i < tokens.Length; i++) TokenBuffer.Check(tokens.Slice(i, 1), 1, _totals[sequences[i]], Context, vocabulary);
        var values = ValuesOf(tokens.Length, tokens.Length);
        Pass(values, sequences, tokens);
        var logits = Logits(tokens.Length);
        TokenBuffer.Read(values.Logits, logits);
        return logits;
    }

    public void Dispose()
    {
        _step?.Dispose();
        _chunk?.Dispose();
        Caches.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Values for a pass of so many rows, of which the last ones want logits.</summary>
    protected abstract TValues Allocate(int rows, int wanted);

    /// <summary>The pass over what is in the values' tokens.</summary>
    protected abstract void Run(TValues values, SequenceRows at);

    private static int Positive(int batch) => batch > 0 ? batch : throw new ArgumentOutOfRangeException(nameof(batch), batch, "A program holds at least one sequence.");

    private void Pass(TValues values, ReadOnlySpan<int> sequences, ReadOnlySpan<int> tokens)
    {
        values.Tokens.Write(tokens);
        foreach (var sequence in sequences)
        {
            _positions[sequence] = Memory > 0 ? _totals[sequence] % size : _totals[sequence];
            _remembered[sequence] = Math.Min(_totals[sequence] - _positions[sequence], Memory);
        }

        Run(values, new SequenceRows(sequences, _positions, _remembered));
        foreach (var sequence in sequences) _totals[sequence] += tokens.Length / sequences.Length;
    }

    /// <summary>Those of the last pass of that shape: chunks and steps take turns.</summary>
    private TValues ValuesOf(int rows, int wanted)
    {
        ref var values = ref rows == wanted ? ref _step : ref _chunk;
        if (values is null || values.Rows != rows || values.Logits.size(0) < wanted)
        {
            values?.Dispose();
            values = Allocate(rows, wanted);
        }

        return values;
    }

    private Span<float> Logits(int rows)
    {
        if (_logits.Length < rows * vocabulary) _logits = new float[rows * vocabulary];
        return _logits.AsSpan(0, rows * vocabulary);
    }
}
