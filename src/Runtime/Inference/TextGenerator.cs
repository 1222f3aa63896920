using System.Runtime.InteropServices;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Inference;

/// <summary>Continues text token by token with a model's key-value cache. Not thread-safe: it owns the cache while it runs.</summary>
public sealed class TextGenerator(IInferenceProgram program, ITextTokenizer tokenizer)
{
    /// <summary>
    /// Streams the continuation of a prompt, each piece as soon as its characters are whole; ends at the end of the
    /// document. When the model's context is full, the window starts again from its last half.
    /// </summary>
    /// <param name="prompt">The beginning, not repeated in the output; if empty, a new document is begun.</param>
    /// <param name="tokens">The most tokens to generate.</param>
    /// <param name="sampler">Chooses each token.</param>
    public IEnumerable<string> Generate(string prompt, int tokens, Sampler sampler)
    {
        List<int> text = [tokenizer.StartOfText];
        tokenizer.Encode(prompt, text);
        var decoder = new TokenDecoder(tokenizer);
        program.Reset();

        for (var i = 0; i < tokens; i++)
        {
            var token = Next(text, sampler);
            if (token == tokenizer.EndOfText)
                break;
            text.Add(token);
            if (decoder.Append(token) is { Length: > 0 } piece)
                yield return piece;
        }

        if (decoder.Flush() is { Length: > 0 } rest)
            yield return rest;
    }

    // Feeds what the cache does not hold yet: the prompt, later one token at a time, half a window after a restart.
    private int Next(List<int> text, Sampler sampler)
    {
        var fresh = program.Position == 0 ? text.Count : 1;
        if (program.Position + fresh > program.Context)
        {
            program.Reset();
            fresh = Math.Max(1, program.Context / 2);
        }

        // A model's vocabulary may be padded beyond that of its tokenizer: ids without a token are not chosen.
        var logits = program.Forward(CollectionsMarshal.AsSpan(text)[^fresh..]);
        return sampler.Sample(logits[..Math.Min(logits.Length, tokenizer.Vocabulary)]);
    }
}
