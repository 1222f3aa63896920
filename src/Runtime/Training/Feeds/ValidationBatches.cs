using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Training.Feeds;

/// <summary>The fixed batches that a model is validated on: always the same, whatever the run's seed.</summary>
internal sealed class ValidationBatches
{
    private const int Most = 16;
    private const int Seed = 0;

    private readonly ValidationWindows? _windows;

    public ValidationBatches(ModelDescription model, Dataset data)
    {
        var (batch, context, settings) = (model.Batch, model.Context, model.Training);
        if (settings.Meta is not null)
        {
            var heldOut = data.Tasks(context).Count(heldOut: true);
            if (heldOut == 0)
                return;
            (Source, Count) = (TrainingFeeds.Tasks(model, data, heldOut: true, Seed, tasks: 1), Math.Min(heldOut, Most));
            return;
        }

        if (settings.Objective.Kind == ObjectiveKind.Classification)
        {
            if (data.Validation.Count == 0)
                return;
            var labeled = new LabeledBatches(data.ValidationExamples, settings.SpecialTokens!, batch, context, seed: null, Most);
            (Source, Count) = (labeled, labeled.Batches);
            return;
        }

        _windows = new ValidationWindows(data.Validation, batch, context - TrainingFeeds.SpecialTokens(settings), Most, continuous: model.SegmentMemory > 0);
        Count = _windows.Batches;
        Source = settings.Objective.Kind == ObjectiveKind.Causal ? _windows : TrainingFeeds.Masked(settings, data, _windows, Seed);
    }

    /// <summary>Null without validation text.</summary>
    public IBatchSource? Source { get; }

    public int Count { get; }

    /// <summary>Bits per byte of a mean loss over all batches; NaN for a model that does not predict next tokens.</summary>
    public double BitsPerByte(double loss, ITextTokenizer tokenizer) =>
        ReferenceEquals(Source, _windows) && _windows is not null ? _windows.BitsPerByte(loss, tokenizer) : double.NaN;
}
