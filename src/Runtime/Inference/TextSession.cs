using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading.Channels;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Inference;

/// <summary>How a session runs.</summary>
public sealed record TextSessionOptions
{
    /// <summary>Most texts that are continued at a time, each with a key-value cache; others wait.</summary>
    public int Conversations { get; init; } = 4;

    /// <summary>A smaller model of the same tokenizer, that proposes tokens (speculative decoding).</summary>
    public ILanguageModel? Draft { get; init; }
}

/// <summary>A piece of text; the last one of a stream says what was generated in all.</summary>
/// <param name="Text">The piece.</param>
/// <param name="Result">With the last piece, which is empty.</param>
public readonly record struct TextUpdate(string Text, Generation? Result)
{
    public override string ToString() => Text;
}

/// <summary>
/// Continues texts with one set of weights, for any number of callers at a time. Each text that is continued has a key-value cache, taken from
/// those that are free: the one that has most of the prompt already. Thread-safe.
/// </summary>
public sealed class TextSession : IDisposable
{
    private readonly ILanguageModel _model;
    private readonly ITextTokenizer _tokenizer;
    private readonly TextSessionOptions _options;
    private readonly SemaphoreSlim _free;
    private readonly List<Conversation> _idle = [];
    private readonly Lock _gate = new();
    private int _made;
    private bool _disposed;

    /// <param name="model">Its weights. They stay the caller's.</param>
    /// <param name="tokenizer">The tokenizer that it was trained with.</param>
    /// <param name="options">How to run.</param>
    /// <exception cref="ArgumentException">The draft model's vocabulary is another.</exception>
    public TextSession(ILanguageModel model, ITextTokenizer tokenizer, TextSessionOptions? options = null)
    {
        (_model, _tokenizer, _options) = (model, tokenizer, options ?? new());
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(_options.Conversations, nameof(options));
        _free = new SemaphoreSlim(_options.Conversations);
        if (tokenizer.Vocabulary > model.Description.Vocabulary)
            throw new ArgumentException($"The tokenizer has {tokenizer.Vocabulary} tokens, and {model.Description.Name} a vocabulary of {model.Description.Vocabulary}: it was trained with another.");
    }

    /// <summary>The model that it continues texts with.</summary>
    public ModelDescription Description => _model.Description;

    /// <summary>Continues a prompt.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public Generation Generate(string prompt, GenerationOptions? options = null, CancellationToken cancellation = default)
    {
        _free.Wait(cancellation);
        return Run(prompt, options ?? new(), null, cancellation);
    }

    /// <summary>Continues a prompt on a thread of the pool.</summary>
    /// <param name="prompt">The beginning.</param>
    /// <param name="options">How to continue.</param>
    /// <param name="receive">Is given each piece, on that thread.</param>
    /// <param name="cancellation">Looked at before each token.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task<Generation> GenerateAsync(
        string prompt, GenerationOptions? options = null, Action<string>? receive = null, CancellationToken cancellation = default)
    {
        await _free.WaitAsync(cancellation).ConfigureAwait(false);
        return await Task.Run(() => Run(prompt, options ?? new(), receive, cancellation), CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Continues a prompt, piece by piece. Ending the enumeration early ends the generation.</summary>
    public async IAsyncEnumerable<TextUpdate> StreamAsync(
        string prompt, GenerationOptions? options = null, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var pieces = Channel.CreateUnbounded<string>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        var generation = Complete();
        try
        {
            await foreach (var piece in pieces.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false)) yield return new(piece, null);
            yield return new("", await generation.ConfigureAwait(false));
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            await ((Task)generation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        async Task<Generation> Complete()
        {
            try
            {
                return await GenerateAsync(prompt, options, piece => pieces.Writer.TryWrite(piece), ended.Token).ConfigureAwait(false);
            }
            finally
            {
                pieces.Writer.Complete();
            }
        }
    }

    /// <summary>Continues prompts together, so that one pass over the weights serves a token of each.</summary>
    /// <param name="prompts">Of any lengths.</param>
    /// <param name="options">How to continue; each prompt has a seed of its own, one more than the one before.</param>
    /// <param name="batch">Most prompts at a time.</param>
    /// <param name="cancellation">Looked at before each token.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IReadOnlyList<Generation> Generate(
        IReadOnlyList<string> prompts, GenerationOptions? options = null, int batch = 8, CancellationToken cancellation = default)
    {
        if (prompts.Count == 0) return [];
        using var program = _model.CreateInference(Math.Min(batch, prompts.Count));
        return new TextGenerator(program, _tokenizer).Generate(prompts, options ?? new(), null, cancellation);
    }

    /// <summary>Frees the caches; texts that are being continued must have ended.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            foreach (var conversation in _idle) conversation.Dispose();
            _idle.Clear();
        }

        _free.Dispose();
    }

    private Generation Run(string prompt, GenerationOptions options, Action<string>? receive, CancellationToken cancellation)
    {
        try
        {
            var conversation = Rent(prompt);
            try
            {
                return conversation.Generator.Generate(prompt, options, receive, cancellation);
            }
            finally
            {
                lock (_gate) _idle.Add(conversation);
            }
        }
        finally
        {
            _free.Release();
        }
    }

    /// <summary>The free cache that has most of a prompt; a new one, while there may be more, if none has more than the token of the start.</summary>
    private Conversation Rent(string prompt)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_idle.Count > 0)
            {
                List<int> tokens = [_tokenizer.StartOfText];
                _tokenizer.Encode(prompt, tokens);
                var best = _idle.MaxBy(conversation => conversation.Generator.Common(CollectionsMarshal.AsSpan(tokens)))!;
                if (_made == _options.Conversations || best.Generator.Common(CollectionsMarshal.AsSpan(tokens)) > 1)
                {
                    _idle.Remove(best);
                    return best;
                }
            }

            _made++;
        }

        try
        {
            return new Conversation(_model, _options.Draft, _tokenizer);
        }
        catch
        {
            lock (_gate) _made--;
            throw;
        }
    }

    /// <summary>The caches of one text.</summary>
    private sealed class Conversation : IDisposable
    {
        private readonly IInferenceProgram _program;
        private readonly IInferenceProgram? _draft;

        public Conversation(ILanguageModel model, ILanguageModel? draft, ITextTokenizer tokenizer)
        {
            _program = model.CreateInference();
            _draft = draft?.CreateInference();
            Generator = new TextGenerator(_program, tokenizer, _draft);
        }

        public TextGenerator Generator { get; }

        public void Dispose()
        {
            _program.Dispose();
            _draft?.Dispose();
        }
    }
}
