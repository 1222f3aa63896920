using ModelCompiler.Runtime.Data.Tokens;

namespace ModelCompiler.Runtime.Data;

/// <summary>
/// The trivial baseline of masked tokens: each is predicted by its relative frequency in the training text, with one added to each
/// count (Laplace smoothing).
/// </summary>
public static class Unigram
{
    /// <summary>Mean nats per token of the validation text.</summary>
    /// <exception cref="DataException">There is no validation text.</exception>
    public static double Nats(TokenCache training, TokenCache validation, int vocabulary)
    {
        if (validation.Count == 0)
            throw new DataException("There is no validation text to measure on; set data.validation above 0.");
        var (trained, measured, nats) = (Count(training, vocabulary), Count(validation, vocabulary), 0.0);
        for (var token = 0; token < vocabulary; token++)
            nats -= measured[token] * Math.Log((trained[token] + 1.0) / (training.Count + vocabulary));
        return nats / validation.Count;
    }

    private static long[] Count(TokenCache tokens, int vocabulary)
    {
        var (counts, buffer) = (new long[vocabulary], new long[1 << 14]);
        for (long start = 0; start < tokens.Count; start += buffer.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, tokens.Count - start));
            tokens.Read(start, part);
            foreach (var token in part)
                counts[token]++;
        }

        return counts;
    }
}
