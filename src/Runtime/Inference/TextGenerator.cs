using System.Runtime.InteropServices;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Inference;

/// <summary>
/// Continues texts with a program, whose caches it owns. A prompt that begins as the text before, as the turns of a conversation do, is read
/// from where they part. When the model's context is full, the window starts again from the last half. Not thread-safe:
/// <see cref="TextSession"/> is.
/// </summary>
public sealed class TextGenerator
{
    private readonly IInferenceProgram _program;
    private readonly ITextTokenizer _tokenizer;
    private readonly CachedSequence[] _sequences;
    private readonly SpeculativeDecoding? _speculation;

    /// <param name="program">The model.</param>
    /// <param name="tokenizer">The tokenizer that it was trained with.</param>
    /// <param name="draft">A smaller model of the same vocabulary, that proposes tokens (speculative decoding); for single prompts.</param>
    /// <exception cref="ArgumentException">The vocabularies differ, or a model cannot take tokens back.</exception>
    public TextGenerator(IInferenceProgram program, ITextTokenizer tokenizer, IInferenceProgram? draft = null)
    {
        (_program, _tokenizer) = (program, tokenizer);
        _sequences = [.. Enumerable.Range(0, program.Batch).Select(sequence => new CachedSequence(program, sequence))];
        if (draft is not null) _speculation = new SpeculativeDecoding(program, draft, Vocabulary);
    }

    /// <summary>A model's vocabulary may be padded beyond that of its tokenizer: ids without a token are not chosen.</summary>
    private int Vocabulary => Math.Min(_program.Vocabulary, _tokenizer.Vocabulary);

    /// <summary>Continues a prompt, and gives each piece of text as soon as its characters are whole.</summary>
    /// <param name="prompt">The beginning, not repeated in the output; if empty, a new document is begun.</param>
    /// <param name="options">How to continue.</param>
    /// <param name="receive">Is given the pieces.</param>
    /// <param name="cancellation">Looked at before each token.</param>
    /// <exception cref="OperationCanceledException">It was cancelled; what was received stands.</exception>
    public Generation Generate(string prompt, GenerationOptions options, Action<string>? receive = null, CancellationToken cancellation = default)
    {
        var text = new TextReceiver(_tokenizer, options.Stop, receive);
        var result = Generate(CollectionsMarshal.AsSpan(Encode(prompt)), options, text.Receive, cancellation);
        text.Finish();
        return result with { Text = text.Text };
    }

    /// <summary>Continues tokens, and gives each token: allocates nothing for one.</summary>
    /// <param name="prompt">At least one token, <see cref="ITextTokenizer.StartOfText"/> first.</param>
    /// <param name="options">How to continue; <see cref="GenerationOptions.Stop"/> is of no effect.</param>
    /// <param name="receive">Is given each token; false ends the generation.</param>
    /// <param name="cancellation">Looked at before each token.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public Generation Generate(ReadOnlySpan<int> prompt, GenerationOptions options, Func<int, bool> receive, CancellationToken cancellation = default)
    {
        options.Check();
        if (prompt.IsEmpty) throw new ArgumentException("A prompt has at least one token.", nameof(prompt));
        var (text, sequence) = (new Continuation(prompt, _tokenizer.EndOfText, options, options.Sampling.Seed, receive), _sequences[0]);
        text.Reused = sequence.Begin(prompt);
        if (_speculation is not null) return _speculation.Run(text, sequence, options.DraftTokens, cancellation);
        while (text.IsOpen) text.Choose(sequence.Advance(text.Tokens, rows: 1, cancellation)[..Vocabulary]);
        return text.Result("");
    }

    /// <summary>
    /// Continues prompts of any lengths together, as many at a time as the program holds sequences; one that has ended makes place for the next.
    /// </summary>
    /// <param name="prompts">The beginnings.</param>
    /// <param name="options">How to continue; each prompt has a seed of its own, one more than the one before.</param>
    /// <param name="receive">Is given the number of the prompt and a piece.</param>
    /// <param name="cancellation">Looked at before each token.</param>
    /// <returns>In the order of the prompts.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IReadOnlyList<Generation> Generate(
        IReadOnlyList<string> prompts, GenerationOptions options, Action<int, string>? receive = null, CancellationToken cancellation = default)
    {
        options.Check();
        var results = new Generation[prompts.Count];
        var texts = new (Continuation Text, TextReceiver Receiver, int Prompt)?[_sequences.Length];
        var (next, sequences, tokens) = (0, new int[_sequences.Length], new int[_sequences.Length]);
        while (true)
        {
            var open = 0;
            for (var i = 0; i < _sequences.Length; i++)
            {
                while (texts[i] is not { Text.IsOpen: true } && (texts[i] is not null || next < prompts.Count))
                {
                    if (texts[i] is { } ended)
                    {
                        ended.Receiver.Finish();
                        results[ended.Prompt] = ended.Text.Result(ended.Receiver.Text);
                    }

                    texts[i] = next < prompts.Count ? Begin(i, prompts[next], next++) : null;
                }

                if (texts[i] is not null) sequences[open++] = i;
            }

            if (open == 0) return results;
            ReadOnlySpan<float> logits;
            if (open == 1)
            {
                logits = _sequences[sequences[0]].Advance(texts[sequences[0]]!.Value.Text.Tokens, rows: 1, cancellation);
            }
            else
            {
                for (var i = 0; i < open; i++)
                {
                    var text = texts[sequences[i]]!.Value.Text.Tokens;
                    _sequences[sequences[i]].FeedAllButLast(text, cancellation);
                    tokens[i] = text[^1];
                }

                logits = _program.Step(sequences.AsSpan(0, open), tokens.AsSpan(0, open));
                for (var i = 0; i < open; i++) _sequences[sequences[i]].Fed(tokens[i]);
            }

            for (var i = 0; i < open; i++) texts[sequences[i]]!.Value.Text.Choose(logits.Slice(i * _program.Vocabulary, Vocabulary));
        }

        (Continuation, TextReceiver, int) Begin(int sequence, string prompt, int number)
        {
            var receiver = new TextReceiver(_tokenizer, options.Stop, receive is null ? null : piece => receive(number, piece));
            var encoded = CollectionsMarshal.AsSpan(Encode(prompt));
            var text = new Continuation(encoded, _tokenizer.EndOfText, options, options.Sampling.Seed + number, receiver.Receive);
            text.Reused = _sequences[sequence].Begin(encoded);
            return (text, receiver, number);
        }
    }

    /// <summary>Tokens of a prompt that are in the cache of the first sequence.</summary>
    internal int Common(ReadOnlySpan<int> prompt) => _sequences[0].Common(prompt);

    /// <summary>The tokens of a prompt, with the one before a document.</summary>
    internal List<int> Encode(string prompt)
    {
        List<int> tokens = [_tokenizer.StartOfText];
        _tokenizer.Encode(prompt, tokens);
        return tokens;
    }
}
