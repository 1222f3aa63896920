using System.Collections.Immutable;
using System.Globalization;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Data;

namespace ModelCompiler.Runtime.Training;

/// <summary>Where a run stands: with the parameters and the optimizer's state, all that is needed to continue it.</summary>
public sealed record RunState
{
    public required string SpecHash { get; init; }

    /// <summary>The <see cref="ModelDescription.TrainingKeys"/> that the run began with.</summary>
    public EquatableArray<string> TrainingKeys { get; init; }

    public required string TokenizerHash { get; init; }

    /// <summary>The <see cref="Dataset.Fingerprint"/> of the text: with another, the batches would be others.</summary>
    public string TextHash { get; init; } = "";

    /// <summary>The training text, as declared or given.</summary>
    public required string Source { get; init; }

    /// <summary>Tokens of the training text.</summary>
    public required long SourceTokens { get; init; }

    /// <summary>Seed of initialization, data order and dropout.</summary>
    public required int Seed { get; init; }

    /// <summary>Steps of the whole run.</summary>
    public required int Steps { get; init; }

    /// <summary>Most samples of an epoch, where <c>training.subset</c> restricts them; null for all that the text has.</summary>
    public long? Samples { get; init; }

    /// <summary>The checkpoint of the frozen weights under adapters; null for a model without.</summary>
    public BaseCheckpoint? Base { get; init; }

    /// <summary>Steps made so far.</summary>
    public int Step { get; init; }

    /// <summary>Positions in the data, ascending, of batches that are left out because they made the run diverge.</summary>
    public EquatableArray<long> SkippedBatches { get; init; }

    /// <summary>Steps that made no update because their gradients were not finite.</summary>
    public int SkippedSteps { get; init; }

    /// <summary>Those of them that are the last steps made.</summary>
    public int SkippedInARow { get; init; }

    /// <summary>The lowest validation so far; null if there was none.</summary>
    public EvaluationResult? Best { get; init; }

    /// <summary>The start of a run.</summary>
    /// <param name="model">What is trained.</param>
    /// <param name="settings">With the text that it is trained on.</param>
    /// <param name="data">That text.</param>
    /// <param name="seed">Null for the declared one.</param>
    /// <param name="steps">Null for the declared ones.</param>
    public static RunState Begin(ModelDescription model, TrainingSettings settings, Dataset data, int? seed = null, int? steps = null) => new()
    {
        SpecHash = model.SpecHash,
        TrainingKeys = new(model.TrainingKeys),
        TokenizerHash = data.Tokenizer.Hash,
        TextHash = data.Fingerprint,
        Source = settings.Source,
        SourceTokens = data.Training.Count,
        Seed = seed ?? settings.Seed,
        Steps = steps ?? settings.Steps,
    };

    /// <summary>The position in the data of a step's batch: the step itself, but for what is left out.</summary>
    /// <param name="step">From 0.</param>
    public long Position(long step)
    {
        for (var i = 0; i < SkippedBatches.Count && SkippedBatches[i] <= step; i++)
            step++;
        return step;
    }

    internal Dictionary<string, string> ToMetadata()
    {
        var metadata = new Dictionary<string, string>
        {
            ["format"] = "pt", // what Hugging Face's readers ask for
            ["spec-hash"] = SpecHash,
            ["training-keys"] = string.Join('\n', TrainingKeys),
            ["tokenizer-hash"] = TokenizerHash,
            ["text-hash"] = TextHash,
            ["source"] = Source,
            ["source-tokens"] = Text(SourceTokens),
            ["seed"] = Text(Seed),
            ["steps"] = Text(Steps),
            ["step"] = Text(Step),
        };
        if (Samples is { } samples)
            metadata["samples"] = Text(samples);
        if (Base is { } frozen)
        {
            metadata["base"] = frozen.Path;
            metadata["base-sha256"] = frozen.Digest;
            metadata["base-spec-hash"] = frozen.SpecHash;
        }

        if (SkippedBatches.Count > 0)
            metadata["skipped-batches"] = string.Join(' ', SkippedBatches.Select(position => Text(position)));
        if (SkippedSteps > 0)
        {
            metadata["skipped-steps"] = Text(SkippedSteps);
            metadata["skipped-in-a-row"] = Text(SkippedInARow);
        }

        if (Best is { } best)
        {
            metadata["best-loss"] = Text(best.Loss);
            metadata["best-bits-per-byte"] = Text(best.BitsPerByte);
            if (best.Measures.Count > 0)
                metadata["best-measures"] = string.Join(' ', best.Measures.Select(measure => $"{measure.Name}={Text(measure.Value)}"));
        }

        return metadata;
    }

    /// <exception cref="CheckpointException">The metadata lacks an entry: the file is not of a run.</exception>
    internal static RunState FromMetadata(ImmutableSortedDictionary<string, string> metadata, string path)
    {
        return new RunState
        {
            SpecHash = Entry("spec-hash"),
            TrainingKeys = new(Entry("training-keys").Split('\n', StringSplitOptions.RemoveEmptyEntries)),
            TokenizerHash = Entry("tokenizer-hash"),
            TextHash = Entry("text-hash"),
            Source = Entry("source"),
            SourceTokens = Number<long>("source-tokens"),
            Seed = Number<int>("seed"),
            Steps = Number<int>("steps"),
            Step = Number<int>("step"),
            Samples = metadata.ContainsKey("samples") ? Number<long>("samples") : null,
            Base = metadata.ContainsKey("base") ? new BaseCheckpoint(Entry("base"), Entry("base-sha256"), Entry("base-spec-hash")) : null,
            SkippedBatches = new(metadata.ContainsKey("skipped-batches")
                ? Entry("skipped-batches").Split(' ').Select(position => Parsed<long>("skipped-batches", position))
                : []),
            SkippedSteps = metadata.ContainsKey("skipped-steps") ? Number<int>("skipped-steps") : 0,
            SkippedInARow = metadata.ContainsKey("skipped-steps") ? Number<int>("skipped-in-a-row") : 0,
            Best = metadata.ContainsKey("best-loss")
                ? new EvaluationResult(Number<double>("best-loss"), Number<double>("best-bits-per-byte"))
                {
                    Measures = new(metadata.ContainsKey("best-measures") ? Entry("best-measures").Split(' ').Select(Measured) : []),
                }
                : null,
        };

        string Entry(string key) => metadata.TryGetValue(key, out var value) ? value : throw NotOfARun(key);

        Measure Measured(string text)
        {
            var end = text.IndexOf('=');
            return end > 0 ? new Measure(text[..end], Parsed<double>("best-measures", text[(end + 1)..])) : throw NotOfARun("best-measures");
        }

        T Number<T>(string key)
            where T : IParsable<T> => Parsed<T>(key, Entry(key));

        T Parsed<T>(string key, string text)
            where T : IParsable<T> =>
            T.TryParse(text, CultureInfo.InvariantCulture, out var value) ? value : throw NotOfARun(key);

        CheckpointException NotOfARun(string key) =>
            new($"'{path}' is no checkpoint of a training run: its metadata has no valid '{key}'. Choose another file or folder.");
    }

    private static string Text(IFormattable value) => value.ToString("R", CultureInfo.InvariantCulture);
}
