using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Inference;

/// <summary>Reads whole texts with an encoder: fills in tokens, classifies, embeds. Not thread-safe.</summary>
/// <param name="program">The model's program.</param>
/// <param name="tokenizer">The tokenizer that it was trained with.</param>
/// <param name="special">The model's tokens that stand for no text.</param>
public sealed class TextEncoder(IEncoderProgram program, ITextTokenizer tokenizer, SpecialTokens special)
{
    /// <summary>The most likely tokens in the place of each [MASK] of a text, each mask by itself.</summary>
    /// <param name="text">With [MASK] where a token is to be predicted.</param>
    /// <param name="most">Most candidates of a mask.</param>
    /// <returns>For each mask in order, its candidates, the most likely first.</returns>
    /// <exception cref="ArgumentException">The text has no [MASK], or is longer than the model's context.</exception>
    /// <exception cref="NotSupportedException">The model has no head.</exception>
    public IReadOnlyList<IReadOnlyList<TokenCandidate>> FillMasks(string text, int most = 5)
    {
        var tokens = Tokens(text);
        var masks = Enumerable.Range(0, tokens.Count).Where(i => tokens[i] == special.Mask).ToList();
        if (masks.Count == 0)
            throw new ArgumentException($"The text has no {SpecialTokens.MaskText}: write it where a token is to be predicted.", nameof(text));
        var logits = program.Predict([.. tokens]);
        var vocabulary = logits.Length / tokens.Count;
        var filled = new List<IReadOnlyList<TokenCandidate>>();
        foreach (var mask in masks)
        {
            var probabilities = Probabilities(logits.Slice(mask * vocabulary, vocabulary));
            filled.Add([.. Enumerable.Range(0, tokenizer.Vocabulary).Where(token => !special.Contains(token))
                .OrderByDescending(token => probabilities[token]).Take(most)
                .Select(token => new TokenCandidate(token, tokenizer.Decode([token]), probabilities[token]))]);
        }

        return filled;
    }

    /// <summary>The probabilities of the classes of a text, or of a pair of texts; what is longer than the context is cut.</summary>
    /// <exception cref="NotSupportedException">The model has no classifier.</exception>
    public float[] Classify(string text, string? second = null) => Probabilities(program.Classify([.. Cut(Tokens(text, second))]));

    /// <summary>The vector of a text, of length 1: by scalar products texts are compared. What is longer than the context is cut.</summary>
    /// <returns>[C]</returns>
    public float[] Embed(string text, PoolingKind pooling = PoolingKind.Mean)
    {
        var tokens = Cut(Tokens(text));
        var vectors = program.Encode([.. tokens]);
        var embedding = new float[program.Width];
        for (var t = 0; t < (pooling == PoolingKind.Cls ? 1 : tokens.Count); t++)
        {
            for (var c = 0; c < embedding.Length; c++)
                embedding[c] += vectors[(t * embedding.Length) + c];
        }

        var length = MathF.Sqrt(embedding.Sum(x => x * x));
        for (var c = 0; c < embedding.Length; c++)
            embedding[c] /= length;
        return embedding;
    }

    /// <summary>[CLS] text [SEP], with [MASK] for its name, or [CLS] text [SEP] second [SEP].</summary>
    public List<int> Tokens(string text, string? second = null)
    {
        List<int> tokens = [special.Cls];
        Append(text, tokens);
        if (second is not null) Append(second, tokens);
        return tokens;
    }

    private void Append(string text, List<int> tokens)
    {
        var parts = text.Split(SpecialTokens.MaskText);
        for (var i = 0; i < parts.Length; i++)
        {
            if (i > 0) tokens.Add(special.Mask);
            if (parts[i].Length > 0) tokenizer.Encode(parts[i], tokens);
        }

        tokens.Add(special.Sep);
    }

    private List<int> Cut(List<int> tokens) =>
        tokens.Count <= program.Context ? tokens : [.. tokens.Take(program.Context - 1), special.Sep];

    private static float[] Probabilities(ReadOnlySpan<float> logits)
    {
        var largest = float.NegativeInfinity;
        foreach (var logit in logits)
            largest = MathF.Max(largest, logit);
        var (probabilities, sum) = (new float[logits.Length], 0.0);
        for (var i = 0; i < logits.Length; i++)
            sum += probabilities[i] = MathF.Exp(logits[i] - largest);
        for (var i = 0; i < logits.Length; i++)
            probabilities[i] = (float)(probabilities[i] / sum);
        return probabilities;
    }
}

/// <summary>A token that may stand in a place.</summary>
/// <param name="Token">Its id.</param>
/// <param name="Text">Its text; U+FFFD for a part of a character.</param>
/// <param name="Probability">How likely it is.</param>
public readonly record struct TokenCandidate(int Token, string Text, float Probability);
