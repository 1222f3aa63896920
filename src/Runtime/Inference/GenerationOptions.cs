namespace ModelCompiler.Runtime.Inference;

/// <summary>How a text is continued.</summary>
public sealed record GenerationOptions
{
    /// <summary>How each token is chosen.</summary>
    public SamplingOptions Sampling { get; init; } = new();

    /// <summary>Most tokens to generate.</summary>
    public int MaxTokens { get; init; } = 400;

    /// <summary>Texts that end the generation, wherever tokens cut them; they are not given out.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>With a draft model: tokens that it proposes at a time.</summary>
    public int DraftTokens { get; init; } = 4;

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(MaxTokens);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(DraftTokens);
        if (Stop.Any(text => text.Length == 0)) throw new ArgumentException("An empty text cannot end a generation: leave it out of Stop.");
    }
}

/// <summary>Why a generation ended.</summary>
public enum EndReason
{
    /// <summary>The model ended the text.</summary>
    EndOfText,

    /// <summary>A text of <see cref="GenerationOptions.Stop"/> came, or the receiver wanted no more.</summary>
    Stop,

    /// <summary>There are <see cref="GenerationOptions.MaxTokens"/>.</summary>
    Length,
}

/// <summary>What was generated.</summary>
/// <param name="Text">The continuation, without the prompt; empty where tokens were received instead.</param>
/// <param name="Reason">Why it ended.</param>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="ReusedTokens">Of these, those that were in the cache already.</param>
/// <param name="Tokens">Generated tokens.</param>
public sealed record Generation(string Text, EndReason Reason, int PromptTokens, int ReusedTokens, int Tokens)
{
    /// <summary>Tokens that a draft model proposed.</summary>
    public int Drafted { get; init; }

    /// <summary>Of these, those that the model accepted.</summary>
    public int Accepted { get; init; }
}
