namespace ModelCompiler.Runtime.Inference;

/// <summary>Draws tokens from logits. The same options and logits give the same tokens. Not thread-safe.</summary>
public sealed class Sampler
{
    private readonly SamplingOptions _options;
    private readonly Random _random;
    private int[] _tokens = [];
    private float[] _weights = [];

    /// <exception cref="ArgumentOutOfRangeException">Temperature or top-k is negative, or top-p is not in (0, 1].</exception>
    public Sampler(SamplingOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(options.Temperature);
        ArgumentOutOfRangeException.ThrowIfNegative(options.TopK);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.TopP);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.TopP, 1);
        _options = options;
        _random = new Random(options.Seed);
    }

    /// <summary>The next token.</summary>
    /// <param name="logits">[V]; −∞ excludes a token.</param>
    /// <exception cref="ArithmeticException">A logit is not a number, or none is finite: the model's weights are broken.</exception>
    public int Sample(ReadOnlySpan<float> logits)
    {
        var best = MostLikely(logits);
        if (!float.IsFinite(logits[best]))
            throw new ArithmeticException($"The model's logits contain {logits[best]}; its weights are broken.");
        return _options.Temperature == 0 ? best : Draw(logits, logits[best]);
    }

    // The first of the largest, or the first that is not a number.
    private static int MostLikely(ReadOnlySpan<float> logits)
    {
        var best = 0;
        for (var token = 0; token < logits.Length; token++)
        {
            if (float.IsNaN(logits[token]))
                return token;
            if (logits[token] > logits[best])
                best = token;
        }

        return best;
    }

    private int Draw(ReadOnlySpan<float> logits, float largest)
    {
        if (_tokens.Length != logits.Length)
            (_tokens, _weights) = (new int[logits.Length], new float[logits.Length]);

        // Keys that ascend while the likelihood descends; ties keep the order of tokens, so the draw is deterministic.
        for (var token = 0; token < logits.Length; token++)
            (_tokens[token], _weights[token]) = (token, -(logits[token] - largest) / (float)_options.Temperature);
        SortByLikelihood();

        var count = _options.TopK == 0 ? logits.Length : Math.Min(_options.TopK, logits.Length);
        var total = 0.0;
        for (var i = 0; i < count; i++)
            total += _weights[i] = MathF.Exp(-_weights[i]);

        var (nucleus, kept) = (0.0, 0);
        while (kept < count && nucleus < _options.TopP * total)
            nucleus += _weights[kept++];

        var threshold = _random.NextDouble() * nucleus;
        for (var i = 0; i < kept; i++)
        {
            threshold -= _weights[i];
            if (threshold < 0)
                return _tokens[i];
        }

        return _tokens[kept - 1]; // rounding of the sum
    }

    // Without top-k and top-p the order changes nothing but the meaning of the random numbers: leave it.
    private void SortByLikelihood()
    {
        if (_options.TopK == 0 && _options.TopP == 1)
            return;
        Array.Sort(_weights, _tokens);
        for (var start = 0; start < _tokens.Length;)
        {
            var end = start + 1;
            while (end < _tokens.Length && _weights[end] == _weights[start])
                end++;
            _tokens.AsSpan(start, end - start).Sort();
            start = end;
        }
    }
}
