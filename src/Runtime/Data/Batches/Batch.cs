namespace ModelCompiler.Runtime.Data.Batches;

/// <summary>A batch in memory, filled again and again.</summary>
/// <param name="size">Sequences in the batch, B.</param>
/// <param name="longest">Most tokens in a sequence.</param>
public sealed class Batch(int size, int longest)
{
    private readonly long[] _tokens = new long[size * longest];
    private readonly long[] _targets = new long[size * longest];
    private readonly float[] _weights = new float[size];
    private readonly float[] _losses = new float[size];
    private bool _isWeighted;

    /// <summary>Its number among the batches of the run.</summary>
    public long Index { get; private set; }

    /// <summary>Tokens in each of its sequences, T.</summary>
    public int Length { get; private set; }

    /// <summary>[B·T], row-major.</summary>
    public ReadOnlySpan<long> Tokens => _tokens.AsSpan(0, size * Length);

    /// <summary>[B·T]: the token that follows each.</summary>
    public ReadOnlySpan<long> Targets => _targets.AsSpan(0, size * Length);

    /// <summary>[B] what the loss of each sequence counts; empty for ones.</summary>
    public ReadOnlySpan<float> Weights => _isWeighted ? _weights : [];

    /// <summary>[B] the loss of each sequence, which training writes here: mean nats per token, without its weight.</summary>
    public Span<float> Losses => _losses;

    /// <summary>Fills it from a source.</summary>
    public void Fill(IBatchSource source, long index)
    {
        (Index, Length, _isWeighted) = (index, source.Length(index), false);
        source.Fill(index, _tokens.AsSpan(0, size * Length), _targets.AsSpan(0, size * Length));
    }

    /// <summary>Fills it with another batch, which has no weights.</summary>
    internal void Fill(Batch other)
    {
        (Index, Length, _isWeighted) = (other.Index, other.Length, false);
        other.Tokens.CopyTo(_tokens);
        other.Targets.CopyTo(_targets);
    }

    /// <summary>[T]: the tokens of a sequence.</summary>
    internal Span<long> TokensOf(int row) => _tokens.AsSpan(row * Length, Length);

    /// <summary>[T]: the token that follows each.</summary>
    internal Span<long> TargetsOf(int row) => _targets.AsSpan(row * Length, Length);

    /// <summary>Fills it with samples.</summary>
    /// <param name="samples">All samples.</param>
    /// <param name="numbers">[B] the numbers of those that are wanted.</param>
    /// <param name="weights">[B] what their losses count; empty for ones.</param>
    /// <param name="index">The number of the batch.</param>
    internal void Fill(SampleWindows samples, ReadOnlySpan<int> numbers, ReadOnlySpan<float> weights, long index)
    {
        (Index, Length, _isWeighted) = (index, samples.Sequence, weights.Length > 0);
        weights.CopyTo(_weights);
        for (var row = 0; row < size; row++)
            samples.Read(numbers[row], _tokens.AsSpan(row * Length, Length), _targets.AsSpan(row * Length, Length));
    }
}
