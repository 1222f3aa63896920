using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>The schedule and the checkpoints against the steps, the tokenizer against the vocabulary.</summary>
internal static class TrainingRules
{
    public const int ByteValues = 256;

    public static IEnumerable<Diagnostic> Check(ModelSpec model)
    {
        var (training, vocabulary) = (model.Training, model.Architecture.Vocabulary);
        if (training.Optimizer.Warmup > training.Steps)
            yield return DiagnosticCatalog.WarmupSteps.At("training.optimizer.warmup",
                $"a warm-up of {training.Optimizer.Warmup} steps is longer than the {training.Steps} steps of the training; "
                + $"write 'warmup: {training.Steps / 10}' or more 'steps'");

        var optimizer = training.Optimizer;
        var coolDown = (int)Math.Round(optimizer.DecayShare * training.Steps);
        if (optimizer.Decay == DecayKind.Wsd && optimizer.Warmup <= training.Steps && optimizer.Warmup + coolDown > training.Steps)
            yield return DiagnosticCatalog.CoolDownSteps.At("training.optimizer.decay-share",
                $"a warm-up of {optimizer.Warmup} steps and a cool-down of {coolDown} do not fit into {training.Steps} steps; "
                + $"write a 'decay-share' of at most {Share(training.Steps - optimizer.Warmup, training.Steps)}, or a shorter warm-up");

        if (training.ValidateEvery > training.Steps)
            yield return DiagnosticCatalog.ValidateEvery.At("training.validate-every",
                $"validation every {training.ValidateEvery} steps is none before the end of {training.Steps}; "
                + $"write 'validate-every: {Math.Max(1, training.Steps / 10)}', or leave it out");

        if (training.EarlyStop is not null && training.Data.Validation == 0)
            yield return DiagnosticCatalog.EarlyStopValidation.At("training.early-stop",
                "the run cannot stop early: nothing is held out for validation; write e.g. 'validation: 0.05' in training.data, or remove 'early-stop'");

        if (training.Checkpoints.Every > training.Steps)
            yield return DiagnosticCatalog.CheckpointsEvery.At("training.checkpoints.every",
                $"a checkpoint every {training.Checkpoints.Every} steps is none before the end of {training.Steps}; "
                + $"write 'every: {Math.Max(1, training.Steps / 10)}', or leave it out");

        if (vocabulary == 0) yield break; // a regression, or a key that is missing

        // An encoder has special tokens beside those of text: see SpecialTokenRules.
        var causal = ObjectiveSpec.Resolve(model).Kind == ObjectiveKind.Causal;
        var bytes = causal ? ByteValues : ByteValues + SpecialTokensSpec.Count;
        if (training.Data.Tokenizer == TokenizerKind.Bytes && (causal ? vocabulary != bytes : vocabulary > bytes && model.Architecture.SpecialTokens is null))
            yield return DiagnosticCatalog.TokenizerVocabulary.At("architecture.vocabulary",
                $"the bytes tokenizer has {ByteValues} tokens{(causal ? "" : $" and an encoder {SpecialTokensSpec.Count} more")}, but the vocabulary {vocabulary}; "
                + $"write 'vocabulary: {bytes}', or 'tokenizer: bpe' in training.data");
        else if (causal && training.Data.Tokenizer == TokenizerKind.Bpe && vocabulary <= ByteValues)
            yield return DiagnosticCatalog.TokenizerVocabulary.At("architecture.vocabulary",
                $"byte-pair encoding needs the {ByteValues} bytes and an end of text, but the vocabulary is {vocabulary}; "
                + $"write at least {ByteValues + 1}, e.g. 4096, or 'tokenizer: bytes' in training.data with a vocabulary of {ByteValues}");

        if (training.Data.Field != new DataSpec().Field && !HasFields(training.Data.Source))
            yield return DiagnosticCatalog.NoEffect.At("training.data.field",
                $"'field' has no effect on '{RecordBinder.Short(training.Data.Source)}', which is plain text; remove it");
    }

    /// <summary>A share with two digits, rounded down.</summary>
    private static string Share(int steps, int all) =>
        (Math.Floor(100.0 * steps / all) / 100).ToString("0.00", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Whether the source can hold JSONL or Parquet: a folder may.</summary>
    private static bool HasFields(string source) =>
        source != "sdk-docs"
        && !source.EndsWith(".txt", StringComparison.OrdinalIgnoreCase)
        && !source.EndsWith(".md", StringComparison.OrdinalIgnoreCase);
}
