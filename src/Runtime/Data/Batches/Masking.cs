namespace ModelCompiler.Runtime.Data.Batches;

/// <summary>
/// Hides tokens that are to be predicted, as BERT does (Devlin et al. 2019): of the share chosen, 80 % become [MASK], 10 % a
/// random token of the text's vocabulary, and 10 % stay. Everything follows from a key.
/// </summary>
/// <param name="special">Tokens that are never chosen, and [MASK].</param>
/// <param name="vocabulary">Different tokens of text.</param>
/// <param name="share">Share of the text's tokens to choose: so many of each sequence, rounded, and at least one.</param>
public sealed class Masking(SpecialTokens special, int vocabulary, double share)
{
    /// <summary>The target of a token that is not to be predicted.</summary>
    public const long Ignored = -100;

    /// <summary>Hides tokens of one sequence.</summary>
    /// <param name="tokens">[T]: the text, then what the model reads.</param>
    /// <param name="targets">[T]: what is to be predicted there, or <see cref="Ignored"/>.</param>
    /// <param name="key">Decides which, and what they become.</param>
    public void Hide(Span<long> tokens, Span<long> targets, ulong key)
    {
        targets.Fill(Ignored);
        Span<int> places = tokens.Length <= 1024 ? stackalloc int[tokens.Length] : new int[tokens.Length];
        var count = 0;
        for (var i = 0; i < tokens.Length; i++)
        {
            if (!special.Contains(tokens[i]))
                places[count++] = i;
        }

        var wanted = Math.Min(count, Math.Max(1, (int)Math.Round(share * count)));
        for (var chosen = 0; chosen < wanted; chosen++)
        {
            // The first places of a random order (Fisher and Yates 1938).
            var other = chosen + (int)(Draw(ref key) % (ulong)(count - chosen));
            (places[chosen], places[other]) = (places[other], places[chosen]);
            var place = places[chosen];
            targets[place] = tokens[place];
            var dice = Draw(ref key) % 10;
            if (dice < 8) tokens[place] = special.Mask;
            else if (dice == 8) tokens[place] = RandomToken(ref key);
        }
    }

    private long RandomToken(ref ulong key)
    {
        while (true)
        {
            var token = (long)(Draw(ref key) % (ulong)vocabulary);
            if (!special.Contains(token)) return token;
        }
    }

    private static ulong Draw(ref ulong key) => key = Shuffle.Mix(key);
}
