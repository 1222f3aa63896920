using ModelCompiler.Runtime.Data.Batches;

namespace ModelCompiler.Runtime.Inference;

/// <summary>What a program's logits cost the tokens that came, in nats.</summary>
internal static class CrossEntropy
{
    /// <summary>Most logits that are held at a time: those of a whole window may be more than an array has elements.</summary>
    private const int MostLogits = 1 << 22;

    /// <summary>Most rows of them.</summary>
    private const int MostRows = 512;

    /// <summary>Of one token.</summary>
    /// <param name="logits">[V]</param>
    /// <param name="target">Below V.</param>
    public static double Of(ReadOnlySpan<float> logits, long target)
    {
        var (largest, sum) = (float.NegativeInfinity, 0.0);
        foreach (var logit in logits) largest = Math.Max(largest, logit);
        foreach (var logit in logits) sum += Math.Exp(logit - largest);
        return largest + Math.Log(sum) - logits[(int)target];
    }

    /// <summary>Appends a text to a sequence and sums over the tokens that follow each of it.</summary>
    /// <param name="program">The model.</param>
    /// <param name="sequence">Which of its sequences.</param>
    /// <param name="tokens">[T], with place behind what the sequence has.</param>
    /// <param name="targets">[T]; <see cref="Masking.Ignored"/> where none counts.</param>
    /// <returns>The sum, and how many tokens counted.</returns>
    public static (double Nats, int Tokens) Of(IInferenceProgram program, int sequence, ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets)
    {
        var (nats, counted, vocabulary) = (0.0, 0, program.Vocabulary);
        var rows = Math.Clamp(MostLogits / vocabulary, 1, MostRows);
        for (var start = 0; start < tokens.Length; start += rows)
        {
            var piece = TokenBuffer.Narrow(tokens.Slice(start, Math.Min(rows, tokens.Length - start)));
            var logits = program.Forward(sequence, piece, rows: piece.Length);
            for (var t = 0; t < piece.Length; t++)
            {
                if (targets[start + t] == Masking.Ignored) continue;
                nats += Of(logits.Slice(t * vocabulary, vocabulary), targets[start + t]);
                counted++;
            }
        }

        return (nats, counted);
    }
}
