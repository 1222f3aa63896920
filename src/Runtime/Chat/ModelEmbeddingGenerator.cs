using Microsoft.Extensions.AI;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Inference;

namespace ModelCompiler.Runtime.Chat;

/// <summary>An encoder as <see cref="IEmbeddingGenerator{TInput, TEmbedding}"/> of Microsoft.Extensions.AI: vectors of length 1. Thread-safe: texts are read one by one.</summary>
/// <param name="encoder">Reads the texts; what is longer than its context is cut.</param>
/// <param name="name">Of the model.</param>
/// <param name="width">Of its vectors, C.</param>
/// <param name="pooling">How the vectors of a text's tokens become one.</param>
public sealed class ModelEmbeddingGenerator(TextEncoder encoder, string name, int width, PoolingKind pooling = PoolingKind.Mean) : IEmbeddingGenerator<string, Embedding<float>>
{
    private readonly Lock _gate = new();

    /// <exception cref="NotSupportedException">Vectors of another width are wanted.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (options?.Dimensions is { } dimensions && dimensions != width)
            throw new NotSupportedException($"The vectors of {name} have {width} dimensions, not {dimensions}.");
        return Task.Run(
            () =>
            {
                var (embeddings, tokens) = (new GeneratedEmbeddings<Embedding<float>>(), 0);
                foreach (var text in values)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    lock (_gate) embeddings.Add(new Embedding<float>(encoder.Embed(text, pooling)) { ModelId = name, CreatedAt = DateTimeOffset.UtcNow });
                    tokens += encoder.Tokens(text).Count;
                }

                embeddings.Usage = new UsageDetails { InputTokenCount = tokens, TotalTokenCount = tokens };
                return embeddings;
            },
            cancellationToken);
    }

    /// <summary>Itself, its <see cref="TextEncoder"/>, or its <see cref="EmbeddingGeneratorMetadata"/>.</summary>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null) return null;
        if (serviceType == typeof(EmbeddingGeneratorMetadata)) return new EmbeddingGeneratorMetadata("ModelCompiler", null, name, width);
        return serviceType.IsInstanceOfType(this) ? this : serviceType.IsInstanceOfType(encoder) ? encoder : null;
    }

    public void Dispose()
    {
    }
}
