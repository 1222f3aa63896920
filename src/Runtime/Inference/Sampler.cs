namespace ModelCompiler.Runtime.Inference;

/// <summary>Draws tokens from logits. The same options, logits and texts give the same tokens. Allocates nothing. Not thread-safe.</summary>
public sealed class Sampler
{
    private readonly SamplingOptions _options;
    private readonly Random _random;
    private readonly Candidates _candidates = new();
    private float[] _logits = [];
    private float[] _probabilities = [];
    private int[] _counts = [];

    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public Sampler(SamplingOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(options.Temperature);
        ArgumentOutOfRangeException.ThrowIfNegative(options.TopK);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.TopP);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.TopP, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(options.MinP);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.MinP, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Typical);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Typical, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.RepetitionPenalty);
        _options = options;
        _random = new Random(options.Seed);
    }

    private bool IsPenalizing => _options.RepetitionPenalty != 1 || _options.FrequencyPenalty != 0 || _options.PresencePenalty != 0;

    /// <summary>The next token.</summary>
    /// <param name="logits">[V]; −∞ excludes a token.</param>
    /// <param name="text">The tokens before it, for penalties.</param>
    /// <param name="prompt">How many of these were given rather than generated.</param>
    /// <exception cref="ArithmeticException">A logit is not a number, or none is finite: the model's weights are broken.</exception>
    public int Sample(ReadOnlySpan<float> logits, ReadOnlySpan<int> text = default, int prompt = 0)
    {
        if (_options.Temperature == 0) return MostLikely(Adjusted(logits, text, prompt));
        return Draw(Probabilities(logits, text, prompt));
    }

    /// <summary>The probabilities that tokens are drawn with, [V]; valid until the next call. Greedy choice has one of 1.</summary>
    /// <inheritdoc cref="Sample"/>
    public ReadOnlySpan<float> Probabilities(ReadOnlySpan<float> logits, ReadOnlySpan<int> text = default, int prompt = 0)
    {
        logits = Adjusted(logits, text, prompt);
        var best = MostLikely(logits);
        if (_probabilities.Length != logits.Length) _probabilities = new float[logits.Length];
        if (_options.Temperature == 0)
        {
            Array.Clear(_probabilities);
            _probabilities[best] = 1;
            return _probabilities;
        }

        _candidates.Load(logits, logits[best], (float)_options.Temperature, _options.TopK);
        if (_options.TopP < 1) _candidates.KeepNucleus(_options.TopP);
        if (_options.MinP > 0) _candidates.KeepAbove(_options.MinP);
        if (_options.Typical < 1) _candidates.KeepTypical(_options.Typical);
        _candidates.Store(_probabilities);
        return _probabilities;
    }

    /// <summary>A token by these probabilities, which need not sum to one.</summary>
    public int Draw(ReadOnlySpan<float> probabilities)
    {
        var total = 0.0;
        foreach (var probability in probabilities) total += probability;
        var (threshold, last) = (_random.NextDouble() * total, 0);
        for (var token = 0; token < probabilities.Length; token++)
        {
            if (probabilities[token] == 0) continue;
            threshold -= probabilities[token];
            last = token;
            if (threshold < 0) break;
        }

        return last; // at the end by rounding of the sum
    }

    /// <summary>Whether to accept with a probability.</summary>
    public bool Accept(double probability) => _random.NextDouble() < probability;

    // The first of the largest, or the first that is not a number.
    private static int MostLikely(ReadOnlySpan<float> logits)
    {
        var best = 0;
        for (var token = 0; token < logits.Length; token++)
        {
            if (float.IsNaN(logits[token]))
            {
                best = token;
                break;
            }

            if (logits[token] > logits[best]) best = token;
        }

        return float.IsFinite(logits[best]) ? best : throw new ArithmeticException($"The model's logits contain {logits[best]}; its weights are broken.");
    }

    /// <summary>With bias and penalties.</summary>
    private ReadOnlySpan<float> Adjusted(ReadOnlySpan<float> logits, ReadOnlySpan<int> text, int prompt)
    {
        if (_options.Bias.Count == 0 && (!IsPenalizing || text.IsEmpty)) return logits;
        if (_logits.Length != logits.Length) (_logits, _counts) = (new float[logits.Length], new int[logits.Length]);
        logits.CopyTo(_logits);
        foreach (var (token, bias) in _options.Bias)
        {
            if ((uint)token >= (uint)_logits.Length)
                throw new ArgumentException($"The bias names token {token}, and the vocabulary has {_logits.Length}.");
            _logits[token] += bias;
        }

        if (IsPenalizing) Penalize(text, prompt);
        return _logits;
    }

    private void Penalize(ReadOnlySpan<int> text, int prompt)
    {
        var penalty = (float)_options.RepetitionPenalty;
        for (var i = prompt; i < text.Length; i++) _counts[text[i]]++;
        foreach (var token in text)
        {
            // Each token once: a count that was applied is negative, and one of the prompt alone becomes so.
            if (_counts[token] < 0) continue;
            _logits[token] = _logits[token] > 0 ? _logits[token] / penalty : _logits[token] * penalty;
            if (_counts[token] > 0) _logits[token] -= (float)((_counts[token] * _options.FrequencyPenalty) + _options.PresencePenalty);
            _counts[token] = -1;
        }

        foreach (var token in text) _counts[token] = 0;
    }
}
