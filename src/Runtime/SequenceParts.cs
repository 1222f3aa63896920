namespace ModelCompiler.Runtime;

/// <summary>The parts of a sequence: each ends with a separator, as in [CLS] A [SEP] B [SEP]; the last has what follows.</summary>
/// <param name="separator">The token [SEP].</param>
/// <param name="types">Number of token types: so many parts are told apart.</param>
public sealed class SequenceParts(long separator, int types)
{
    /// <summary>The part that each token is in, from 0.</summary>
    /// <param name="tokens">[T]</param>
    /// <param name="into">[T]</param>
    public void Write(ReadOnlySpan<long> tokens, Span<long> into)
    {
        var part = 0L;
        for (var t = 0; t < tokens.Length; t++)
        {
            into[t] = Math.Min(part, types - 1);
            // Padding behind the last separator is in no part of its own.
            if (tokens[t] == separator && tokens[(t + 1)..].Contains(separator)) part++;
        }
    }
}
