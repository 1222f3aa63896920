using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data.Labels;
using ModelCompiler.Runtime.Data.Tasks;
using ModelCompiler.Runtime.Data.Tokens;
using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Tokenizers;
using ModelCompiler.Runtime.Tokenizers.Json;

namespace ModelCompiler.Runtime.Data;

/// <summary>A corpus made ready for training: its tokenizer and the tokens of both splits.</summary>
public sealed class Dataset : IDisposable
{
    private readonly LabeledCorpus? _labels;
    private TaskCorpus? _tasks;
    private Func<ITextTokenizer, ITaskSource>? _method;

    private Dataset(ITextTokenizer tokenizer, TokenCache training, TokenCache validation, LabeledCorpus? labels)
    {
        Tokenizer = tokenizer;
        Training = training;
        Validation = validation;
        _labels = labels;
    }

    public ITextTokenizer Tokenizer { get; }

    public TokenCache Training { get; }

    /// <summary>The tasks that meta-learning draws from.</summary>
    /// <param name="context">Tokens of an example, T.</param>
    /// <exception cref="InvalidOperationException">The data have no tasks.</exception>
    public ITaskSource Tasks(int context)
    {
        if (_method is not null) return _method(Tokenizer);
        if (_tasks is null) throw new InvalidOperationException("The data have no tasks: the model's declaration has no 'meta'.");
        var end = Tokenizer.EndOfText;
        return new TextTasks(new(Training, end, _tasks.TrainingTasks), new(Validation, end, _tasks.ValidationTasks), end, context);
    }

    /// <summary>Has no tokens if nothing is held out.</summary>
    public TokenCache Validation { get; }

    /// <summary>Changes when a token of either split does, or the class or task of a text.</summary>
    public string Fingerprint
    {
        get
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            hash.AppendData(Encoding.ASCII.GetBytes(Training.Digest + Validation.Digest));
            foreach (var numbers in new[] { _labels?.TrainingClasses, _labels?.ValidationClasses, _tasks?.TrainingTasks, _tasks?.ValidationTasks })
                hash.AppendData(MemoryMarshal.AsBytes<int>(numbers));
            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
    }

    /// <summary>The classes of the texts; null where there are none.</summary>
    public ClassNames? Classes => _labels?.Names;

    /// <summary>The training texts with their classes.</summary>
    /// <exception cref="InvalidOperationException">The data have no classes.</exception>
    public LabeledExamples TrainingExamples => Examples(Training, labels => labels.TrainingClasses);

    /// <summary>The validation texts with their classes.</summary>
    /// <exception cref="InvalidOperationException">The data have no classes.</exception>
    public LabeledExamples ValidationExamples => Examples(Validation, labels => labels.ValidationClasses);

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
        var labels = settings.Objective.Kind == ObjectiveKind.Classification
            ? LabeledCorpus.Open(settings.Source, settings.Field, settings.Label, settings.Validation, settings.Classes)
            : null;
        var tasks = settings.Meta is { By: not TaskKind.Method } ? new TaskCorpus(settings) : null;
        var (trainingText, validationText) = tasks is not null ? (tasks.Training, tasks.Validation)
            : settings.Meta is not null ? (TextSplit.OfFiles("training", [], settings.Field), TextSplit.OfFiles("validation", [], settings.Field))
            : labels is null ? Corpus.Open(settings.Source, settings.Field, settings.Validation) is var corpus ? (corpus.Training, corpus.Validation) : default
            : (labels.Training, labels.Validation);
        var declared = vocabulary;
        vocabulary = settings.SpecialTokens?.Reserved(declared) ?? declared;
        cache ??= CacheFolder.Path;
        tokenizer ??= settings.Tokenizer switch
        {
            TokenizerKind.Bytes => new ByteTokenizer(),
            TokenizerKind.Json => JsonTokenizer.Load(settings.TokenizerFile),
            TokenizerKind.Bpe => TokenizerCache.Open(trainingText, vocabulary, Path.Combine(cache, "tokenizers"), report, cancellation),
            _ => throw new ArgumentOutOfRangeException(nameof(settings), settings.Tokenizer, null),
        };
        if (tokenizer is JsonTokenizer json && json.IdOf(SpecialTokens.MaskText) == settings.SpecialTokens?.Mask)
            vocabulary = declared; // it has the special tokens itself
        if (settings.Objective.Kind != ObjectiveKind.Regression && tokenizer.Vocabulary > vocabulary)
        {
            var reserved = declared - vocabulary;
            throw new DataException(
                $"The tokenizer has {tokenizer.Vocabulary} tokens but the model's vocabulary is {declared}{(reserved > 0 ? $", {reserved} of them special" : "")}; "
                + $"set architecture.vocabulary to {tokenizer.Vocabulary + reserved}.");
        }

        var folder = Path.Combine(cache, "tokens");
        var training = TokenCache.Open(trainingText, tokenizer, folder, report, cancellation);
        try
        {
            var validation = TokenCache.Open(validationText, tokenizer, folder, report, cancellation);
            return new Dataset(tokenizer, training, validation, labels) { _tasks = tasks, _method = settings.Tasks };
        }
        catch
        {
            training.Dispose();
            throw;
        }
    }

    private LabeledExamples Examples(TokenCache tokens, Func<LabeledCorpus, int[]> classes) => _labels is null
        ? throw new InvalidOperationException("The data have no classes: the model's objective is not classification.")
        : new LabeledExamples(tokens, Tokenizer.EndOfText, classes(_labels));

    public void Dispose()
    {
        Training.Dispose();
        Validation.Dispose();
    }
}
