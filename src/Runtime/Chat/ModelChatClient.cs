using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using ModelCompiler.Runtime.Inference;

namespace ModelCompiler.Runtime.Chat;

/// <summary>
/// A model as <see cref="IChatClient"/> of Microsoft.Extensions.AI: conversations as text by a <see cref="ChatTemplate"/>. It keeps no conversation,
/// but the session finds what its caches have of one. Thread-safe.
/// </summary>
/// <param name="session">Continues the texts; it stays the caller's.</param>
/// <param name="template">How a conversation becomes text; plain if none is given.</param>
/// <param name="defaults">What requests leave open.</param>
public sealed class ModelChatClient(TextSession session, ChatTemplate? template = null, GenerationOptions? defaults = null) : IChatClient
{
    private readonly ChatTemplate _template = template ?? ChatTemplate.Plain;
    private readonly GenerationOptions _defaults = defaults ?? new();

    /// <exception cref="NotSupportedException">The request has tools, another response format than text, or content other than text.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        await GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken).ConfigureAwait(false);

    /// <inheritdoc cref="GetResponseAsync"/>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var (prompt, generation, id) = (_template.Prompt(Turns(messages, options)), Options(options), Guid.NewGuid().ToString("N"));
        var begun = false;
        await foreach (var piece in session.StreamAsync(prompt, generation, cancellationToken).ConfigureAwait(false))
        {
            // Templates leave the space after a role's name to the answer.
            var text = begun ? piece.Text : piece.Text.TrimStart();
            begun |= text.Length > 0;
            if (piece.Result is { } result) yield return Update([new UsageContent(Usage(result))], result.Reason == EndReason.Length ? ChatFinishReason.Length : ChatFinishReason.Stop);
            else if (text.Length > 0) yield return Update([new TextContent(text)], null);
        }

        ChatResponseUpdate Update(IList<AIContent> contents, ChatFinishReason? reason) => new(ChatRole.Assistant, contents)
        {
            ResponseId = id, MessageId = id, ModelId = session.Description.Name, FinishReason = reason, CreatedAt = DateTimeOffset.UtcNow,
        };
    }

    /// <summary>Itself, its <see cref="TextSession"/>, or its <see cref="ChatClientMetadata"/>.</summary>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null) return null;
        if (serviceType == typeof(ChatClientMetadata)) return new ChatClientMetadata("ModelCompiler", null, session.Description.Name);
        return serviceType.IsInstanceOfType(this) ? this : serviceType.IsInstanceOfType(session) ? session : null;
    }

    public void Dispose()
    {
    }

    private static IEnumerable<(string Role, string Text)> Turns(IEnumerable<ChatMessage> messages, ChatOptions? options)
    {
        if (options?.Instructions is { Length: > 0 } instructions) yield return ("system", instructions);
        foreach (var message in messages)
        {
            if (message.Contents.FirstOrDefault(content => content is not (TextContent or UsageContent)) is { } other)
                throw new NotSupportedException($"A message has {other.GetType().Name}, and the model reads text alone.");
            yield return (message.Role.Value, message.Text);
        }
    }

    private static UsageDetails Usage(Generation result) => new()
    {
        InputTokenCount = result.PromptTokens,
        CachedInputTokenCount = result.ReusedTokens,
        OutputTokenCount = result.Tokens,
        TotalTokenCount = result.PromptTokens + result.Tokens,
    };

    private GenerationOptions Options(ChatOptions? options)
    {
        if (options?.Tools is { Count: > 0 }) throw new NotSupportedException("The model calls no tools: leave ChatOptions.Tools empty.");
        if (options?.ResponseFormat is ChatResponseFormatJson) throw new NotSupportedException("The model's answers are text: leave ChatOptions.ResponseFormat empty.");
        var sampling = _defaults.Sampling;
        return _defaults with
        {
            MaxTokens = options?.MaxOutputTokens ?? _defaults.MaxTokens,
            Stop = [_template.Stop, .. _defaults.Stop, .. options?.StopSequences ?? []],
            Sampling = sampling with
            {
                Temperature = options?.Temperature ?? sampling.Temperature,
                TopK = options?.TopK ?? sampling.TopK,
                TopP = options?.TopP ?? sampling.TopP,
                FrequencyPenalty = options?.FrequencyPenalty ?? sampling.FrequencyPenalty,
                PresencePenalty = options?.PresencePenalty ?? sampling.PresencePenalty,
                Seed = options?.Seed is { } seed ? unchecked((int)seed) : sampling.Seed,
            },
        };
    }
}
