namespace ModelCompiler.Runtime.Inference;

/// <summary>A text in the making: its tokens, how they are chosen, and who receives them.</summary>
internal sealed class Continuation
{
    /// <summary>Tokens that there is place for from the start.</summary>
    private const int Ahead = 4096;

    private readonly int _endOfText;
    private readonly int _most;
    private readonly Func<int, bool> _receive;
    private int[] _tokens;
    private int _count;

    /// <param name="prompt">At least one token.</param>
    /// <param name="endOfText">The token that ends a text.</param>
    /// <param name="options">How to continue.</param>
    /// <param name="seed">Of the choice.</param>
    /// <param name="receive">Is given each token; false ends the generation.</param>
    public Continuation(ReadOnlySpan<int> prompt, int endOfText, GenerationOptions options, int seed, Func<int, bool> receive)
    {
        (_endOfText, _most, _receive) = (endOfText, options.MaxTokens, receive);
        _tokens = new int[prompt.Length + Math.Min(options.MaxTokens, Ahead) + options.DraftTokens];
        prompt.CopyTo(_tokens);
        (_count, Prompt, Sampler) = (prompt.Length, prompt.Length, new Sampler(options.Sampling with { Seed = seed }));
        IsOpen = _most > 0;
    }

    /// <summary>Tokens of the prompt.</summary>
    public int Prompt { get; }

    /// <summary>Of these, those that the cache held.</summary>
    public int Reused { get; set; }

    public int Generated => _count - Prompt;

    /// <summary>Tokens that may still be generated.</summary>
    public int Left => _most - Generated;

    public Sampler Sampler { get; }

    /// <summary>Whether it goes on.</summary>
    public bool IsOpen { get; private set; }

    public EndReason Reason { get; private set; } = EndReason.Length;

    /// <summary>Prompt and continuation.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, _count);

    /// <summary>The same with so many more, which are proposed.</summary>
    public Span<int> Proposed(int more)
    {
        if (_count + more > _tokens.Length) Array.Resize(ref _tokens, Math.Max(2 * _tokens.Length, _count + more));
        return _tokens.AsSpan(0, _count + more);
    }

    /// <summary>Chooses the next token.</summary>
    /// <param name="logits">[V]</param>
    public void Choose(ReadOnlySpan<float> logits) => Take(Sampler.Sample(logits, Tokens, Prompt));

    /// <summary>Appends a token.</summary>
    public void Take(int token)
    {
        if (token == _endOfText)
        {
            (Reason, IsOpen) = (EndReason.EndOfText, false);
            return;
        }

        Proposed(1)[^1] = token;
        _count++;
        if (!_receive(token)) (Reason, IsOpen) = (EndReason.Stop, false);
        else if (Left == 0) IsOpen = false;
    }

    public Generation Result(string text) => new(text, Reason, Prompt, Reused, Generated);
}
