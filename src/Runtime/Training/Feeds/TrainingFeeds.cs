using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Data.Curricula;
using ModelCompiler.Runtime.Data.Curricula.Metrics;
using ModelCompiler.Runtime.Data.Curricula.Pacings;
using ModelCompiler.Runtime.Data.Subsets;
using ModelCompiler.Runtime.Data.Tasks;

namespace ModelCompiler.Runtime.Training.Feeds;

/// <summary>Makes the feed that a model's declaration asks for.</summary>
/// <param name="model">The model that is trained.</param>
/// <param name="program">Its program, whose forward pass scores samples.</param>
/// <param name="data">The text.</param>
/// <param name="run">The run.</param>
/// <param name="folder">The run's folder; those of scoring models lie beside it, under their names.</param>
/// <param name="report">Is told of what takes time.</param>
internal sealed class TrainingFeeds(ICompiledModel model, ITrainingProgram program, Dataset data, RunState run, string folder, Action<string> report)
{
    private readonly ModelDescription _description = model.Description;

    private TrainingSettings Settings => _description.Training;

    /// <summary>Samples of a step.</summary>
    private int Size => _description.Batch * Settings.Accumulate;

    /// <summary>Most samples of an epoch of a new run; null for all that the text has.</summary>
    public static long? MostSamples(ModelDescription description, int steps)
    {
        var training = description.Training;
        if (training.Subset is not { } subset)
            return null;

        // While sequences are shorter nothing is chosen.
        var before = training.Curriculum is { Metric: DifficultyMetric.Length } curriculum ? Math.Min(curriculum.Steps!.Value, steps) : 0;
        return SubsetTable.MostSamples(subset, (long)(steps - before) * description.Batch * training.Accumulate);
    }

    public ITrainingFeed Open()
    {
        if (Settings.Meta is not null)
            return new SourceFeed(Tasks(_description, data, heldOut: false, run.Seed, Settings.Accumulate));
        if (Settings.Objective.Kind != ObjectiveKind.Causal)
            return new SourceFeed(Encoded());
        if (Settings.Curriculum is { Metric: not DifficultyMetric.Length } byDifficulty)
        {
            var ordered = ByDifficulty(byDifficulty);
            return new CurriculumFeed(new SourceFeed(ordered), ordered);
        }

        if (Settings.Curriculum is not { } byLength)
            return OfLengths(new LengthSchedule(_description.Context));
        var lengths = new LengthSchedule(PaceOf(byLength), program.Lengths);
        return new CurriculumFeed(OfLengths(lengths), lengths);
    }

    /// <summary>Tasks for a model that learns to adapt; its batch is the two sets of a task.</summary>
    public static TaskBatches Tasks(ModelDescription model, Dataset data, bool heldOut, int seed, int tasks)
    {
        var width = Math.Max(1, Math.Max(model.Training.Numbers.Read, model.Training.Numbers.Predicted));
        return new TaskBatches(data.Tasks(model.Context), model.Training.Meta!, heldOut, tasks, model.Batch / 2, model.Context * width, seed);
    }

    /// <summary>Special tokens of each sequence of masked text.</summary>
    public static int SpecialTokens(TrainingSettings settings) =>
        settings.Objective.Kind == ObjectiveKind.Causal ? 0 : MaskedBatches.Added(settings.Objective.Kind == ObjectiveKind.MaskedWithOrder);

    /// <summary>Masked sequences over windows of text.</summary>
    public static MaskedBatches Masked(TrainingSettings settings, Dataset data, IBatchSource text, int seed) => new(
        text, new Masking(settings.SpecialTokens!, data.Tokenizer.Vocabulary, settings.Objective.Mask), settings.SpecialTokens!, seed,
        settings.Objective.Kind == ObjectiveKind.MaskedWithOrder);

    private ITrainingFeed OfLengths(LengthSchedule lengths)
    {
        if (program.Memory is { } memory)
            return new StreamFeed(new StreamBatches(data.Training, data.Tokenizer.EndOfText, Size, _description.Context, run.Seed, lengths), memory);

        var source = new SourceFeed(new BatchSource(data.Training, Size, _description.Context, run.Seed, lengths));
        return Settings.Subset is { } subset ? Choosing(subset, source, lengths.LastFrom) : source;
    }

    private IBatchSource Encoded() => Settings.Objective.Kind == ObjectiveKind.Classification
        ? new LabeledBatches(data.TrainingExamples, Settings.SpecialTokens!, Size, _description.Context, run.Seed)
        : Masked(Settings, data, new BatchSource(data.Training, Size, _description.Context - SpecialTokens(Settings), run.Seed), run.Seed);

    private SubsetFeed Choosing(SubsetSpec declared, ITrainingFeed before, long from)
    {
        var samples = Samples();
        var wanted = declared.Method is SubsetMethod.SelectiveBackprop or SubsetMethod.RhoLoss ? (int)Math.Round(Size / declared.Keep!.Value) : Size;
        if (samples.Count < wanted)
            throw new DataException($"A step chooses from {wanted} samples, but there are {samples.Count}. Give more text or training.subset.samples, or keep more of them.");
        var context = new SubsetContext(
            declared, samples.Count, run.Seed, run.Steps, new ProgramScorer(program, samples, _description.Batch), () => ScoredBy(samples));
        return new SubsetFeed(SubsetTable.Of(context), samples, Size, declared.Method == SubsetMethod.Infobatch, before, from);
    }

    private CurriculumBatches ByDifficulty(CurriculumSpec declared)
    {
        var samples = Samples();
        var difficulties = new float[samples.Count];
        report($"measuring the difficulty of {samples.Count:N0} samples");
        DifficultyTable.Of(declared.Metric, data.Tokenizer, Settings.Difficulty, ScoredBy).Measure(samples, difficulties);
        return new CurriculumBatches(samples, difficulties, PaceOf(declared), Size, run.Seed);
    }

    private Pace PaceOf(CurriculumSpec declared) => new(declared, PacingTable.Of(declared.Pacing, Settings.Pacing));

    private SampleWindows Samples() => new(data.Training, _description.Context, run.Samples ?? long.MaxValue, run.Seed);

    private float[] ScoredBy(SampleWindows samples)
    {
        using var scorer = Settings.ScoringModel!(model.Device);
        return ScoringModel.Losses(scorer, RunFolder.Beside(folder, scorer.Description.Name), data, samples, run.Seed, report);
    }
}
