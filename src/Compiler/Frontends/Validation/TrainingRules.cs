using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>The schedule and the checkpoints against the steps, the tokenizer against the vocabulary.</summary>
internal static class TrainingRules
{
    private const int ByteValues = 256;

    public static IEnumerable<Diagnostic> Check(ModelSpec model)
    {
        var (training, vocabulary) = (model.Training, model.Architecture.Vocabulary);
        if (training.Optimizer.Warmup > training.Steps)
            yield return DiagnosticCatalog.WarmupSteps.At("training.optimizer.warmup",
                $"a warm-up of {training.Optimizer.Warmup} steps is longer than the {training.Steps} steps of the training; "
                + $"write 'warmup: {training.Steps / 10}' or more 'steps'");

        if (training.Checkpoints.Every > training.Steps)
            yield return DiagnosticCatalog.CheckpointsEvery.At("training.checkpoints.every",
                $"a checkpoint every {training.Checkpoints.Every} steps is none before the end of {training.Steps}; "
                + $"write 'every: {Math.Max(1, training.Steps / 10)}', or leave it out");

        if (training.Data.Tokenizer == TokenizerKind.Bytes && vocabulary != ByteValues)
            yield return DiagnosticCatalog.TokenizerVocabulary.At("architecture.vocabulary",
                $"the bytes tokenizer has {ByteValues} tokens, but the vocabulary {vocabulary}; "
                + $"write 'vocabulary: {ByteValues}', or 'tokenizer: bpe' in training.data");
        else if (training.Data.Tokenizer == TokenizerKind.Bpe && vocabulary <= ByteValues)
            yield return DiagnosticCatalog.TokenizerVocabulary.At("architecture.vocabulary",
                $"byte-pair encoding needs the {ByteValues} bytes and an end of text, but the vocabulary is {vocabulary}; "
                + $"write at least {ByteValues + 1}, e.g. 4096, or 'tokenizer: bytes' in training.data with a vocabulary of {ByteValues}");

        if (training.Data.Field != new DataSpec().Field && !HasFields(training.Data.Source))
            yield return DiagnosticCatalog.NoEffect.At("training.data.field",
                $"'field' has no effect on '{RecordBinder.Short(training.Data.Source)}', which is plain text; remove it");
    }

    /// <summary>Whether the source can hold JSONL or Parquet: a folder may.</summary>
    private static bool HasFields(string source) =>
        source != "sdk-docs"
        && !source.EndsWith(".txt", StringComparison.OrdinalIgnoreCase)
        && !source.EndsWith(".md", StringComparison.OrdinalIgnoreCase);
}
