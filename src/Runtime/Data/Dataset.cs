using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data.Tokens;
using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Tokenizers;
using ModelCompiler.Runtime.Tokenizers.Json;

namespace ModelCompiler.Runtime.Data;

/// <summary>A corpus made ready for training: its tokenizer and the tokens of both splits.</summary>
public sealed class Dataset : IDisposable
{
    private Dataset(ITextTokenizer tokenizer, TokenCache training, TokenCache validation)
    {
        Tokenizer = tokenizer;
        Training = training;
        Validation = validation;
    }

    public ITextTokenizer Tokenizer { get; }

    public TokenCache Training { get; }

    /// <summary>Has no tokens if nothing is held out.</summary>
    public TokenCache Validation { get; }

    /// <summary>Reads, tokenizes and maps the data of a declaration; what was done before comes from the cache.</summary>
    /// <param name="settings">The declaration's data: source, field, tokenizer and share of validation.</param>
    /// <param name="vocabulary">The declared vocabulary; byte-pair encoding is trained to exactly this size.</param>
    /// <param name="tokenizer">A tokenizer to be used instead of the declared one: that of a run that is resumed.</param>
    /// <param name="cache">Folder of the cache, if not <see cref="CacheFolder.Path"/>.</param>
    /// <param name="report">Is told of each step that takes time.</param>
    /// <param name="cancellation">Stops the work; nothing half-done stays behind.</param>
    /// <exception cref="DataException">The text or the vocabulary cannot be used; the message says what to change.</exception>
    public static Dataset Open(
        TrainingSettings settings,
        int vocabulary,
        ITextTokenizer? tokenizer = null,
        string? cache = null,
        Action<string>? report = null,
        CancellationToken cancellation = default)
    {
        var corpus = Corpus.Open(settings.Source, settings.Field, settings.Validation);
        cache ??= CacheFolder.Path;
        tokenizer ??= settings.Tokenizer switch
        {
            TokenizerKind.Bytes => new ByteTokenizer(),
            TokenizerKind.Json => JsonTokenizer.Load(settings.TokenizerFile),
            TokenizerKind.Bpe => TokenizerCache.Open(corpus.Training, vocabulary, Path.Combine(cache, "tokenizers"), report, cancellation),
            _ => throw new ArgumentOutOfRangeException(nameof(settings), settings.Tokenizer, null),
        };
        if (tokenizer.Vocabulary > vocabulary)
        {
            throw new DataException(
                $"The tokenizer has {tokenizer.Vocabulary} tokens but the model's vocabulary is {vocabulary}; set architecture.vocabulary to {tokenizer.Vocabulary}.");
        }

        var folder = Path.Combine(cache, "tokens");
        var training = TokenCache.Open(corpus.Training, tokenizer, folder, report, cancellation);
        try
        {
            return new Dataset(tokenizer, training, TokenCache.Open(corpus.Validation, tokenizer, folder, report, cancellation));
        }
        catch
        {
            training.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Training.Dispose();
        Validation.Dispose();
    }
}
