using System.Diagnostics;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Memory;
using ModelCompiler.Runtime.Training.Feeds;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// The loop around a training program: data, schedule, validation on fixed windows, checkpoints, records. What is in a run's
/// folder is said at <see cref="RunFolder"/>; from its newest checkpoint the run is continued bit-identically.
/// </summary>
/// <param name="model">Its parameters are trained.</param>
/// <param name="data">Text in the model's vocabulary.</param>
/// <param name="run">The run's start, or where it stood.</param>
/// <param name="folder">The run's folder.</param>
/// <param name="resumes">
/// Whether the run is continued from its checkpoint in the folder. One with steps behind it always is; this says it of one that was ended
/// before its first step, whose start is in a checkpoint too.
/// </param>
public sealed class Trainer(ICompiledModel model, Dataset data, RunState run, string folder, bool resumes = false)
{
    private readonly ModelDescription _description = model.Description;
    private readonly ValidationBatches _validation = new(model.Description, data);
    private readonly bool _resumes = resumes || run.Step > 0;
    private int? _rewound;

    /// <summary>Trains to the last step, or until <paramref name="interrupt"/>: then too a checkpoint has been written.</summary>
    /// <returns>Where the run stands.</returns>
    /// <exception cref="TrainingDivergedException">Loss or gradients were not finite, and the declaration's <c>on-nan</c> allows no more of it.</exception>
    /// <exception cref="Checkpoints.CheckpointException">The checkpoint does not fit the run, or another process trains in the folder.</exception>
    /// <exception cref="InsufficientMemoryException">The plan of the step does not fit the free memory of the device.</exception>
    /// <exception cref="IO.DiskFullException">A file does not fit on the disk.</exception>
    public RunState Run(ITrainingObserver observer, CancellationToken interrupt)
    {
        if (_resumes)
            ResumeCheck.Demand(run, _description, data, folder);
        using var folderLock = RunFolder.Open(folder, _resumes ? run.Step : null);
        data.Tokenizer.Save(folder);
        data.Classes?.Save(folder);
        MemoryCheck.Demand(_description, FreeMemory.On(model.Device));
        using var program = model.CreateTraining();
        var start = _resumes ? run : run with { Samples = TrainingFeeds.MostSamples(_description, run.Steps) };
        using var records = new RunRecords(folder, observer);
        using var batches = new TrainingFeeds(model, program, data, start, folder, records.Noticed).Open();
        using var feed = program.Distillation?.Begin(model, folder, data, start, batches, records.Noticed, interrupt) ?? batches;
        var (average, memory) = (program.Average, program.Memory);
        if (memory is not null) memory.StartOfText = data.Tokenizer.StartOfText;
        var earlyStop = _description.Training.Patience is { } patience ? new EarlyStop(patience, _description.Training.MinDelta) : null;
        ICheckpointPart[] parts =
            [new OptimizerPart(program, model.Parameters), .. program.CheckpointParts, .. feed.Parts, .. new ICheckpointPart?[] { average, memory, earlyStop, program.Distillation }.OfType<ICheckpointPart>()];
        var sources = parts.Prepend<object>(program).OfType<IMetricSource>().ToArray();
        var metrics = new StepMetrics();

        var state = _resumes ? Load(run, parts) : start;
        records.Continues(state.Step);
        if (!_resumes)
        {
            File.Delete(RunFolder.BestPath(folder)); // of a run that was given up before its first checkpoint
            File.Delete(RunFolder.BestAveragePath(folder));
            Save(parts, state, records); // there is always one to go back to, and a folder that cannot be written is found now
        }

        var pruning = program.Pruning?.Schedule;
        var schedule = new LearningRateSchedule(_description.Training, pruning?.StepsOfRound ?? state.Steps);
        var tenth = Math.Clamp(state.Steps / 10, 50, 1000);
        var interval = _description.Training.ValidateEvery ?? tenth;
        var every = _description.Training.CheckpointEvery ?? tenth;
        var rounds = _description.Quantization is { Method: RoundingMethod.Qat } quantization ? quantization.From * state.Steps : 0;
        var nans = new NanGuard(_description.Training, folder);
        while (state.Step < state.Steps && !interrupt.IsCancellationRequested)
        {
            var learningRate = schedule.At(pruning?.StepsOfRound is null ? state.Step : pruning.StepOfRound(program.StepNumber));
            var updates = program.StepNumber;
            model.Parameters.Quantized = state.Step >= rounds;
            var started = Stopwatch.GetTimestamp();
            var batch = feed.Next(state.Position(state.Step));
            var result = Step(program, batch, learningRate);
            var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;

            var skipped = !NanGuard.IsFinite(result);
            if (skipped && nans.Decide(state, result) == NanPolicy.Rewind)
            {
                state = Rewind(state, result, parts, records);
                continue;
            }

            if (skipped)
            {
                records.Noticed($"{NanGuard.Describe(state, result)}: skipped");
                program.StepNumber = updates;
                memory?.Clear();
            }
            else
            {
                feed.Trained(batch);
            }

            state = state with
            {
                Step = state.Step + 1,
                SkippedSteps = state.SkippedSteps + (skipped ? 1 : 0),
                SkippedInARow = skipped ? state.SkippedInARow + 1 : 0,
            };
            metrics.Clear();
            foreach (var source in sources)
                source.Report(metrics);
            records.Stepped(new StepReport(
                state.Step, state.Steps, batch.Tokens.Length, result.Loss, result.GradientNorm, learningRate)
            {
                Seconds = seconds,
                Metrics = metrics,
            });

            if (state.Step % interval == 0 || state.Step == state.Steps)
            {
                (state, var loss) = Validate(program, average, state, records);
                if (earlyStop?.Validated(loss) == true && state.Step < state.Steps)
                {
                    records.Noticed($"Stopped early after step {state.Step}: {earlyStop.Waited} validations without improvement.");
                    state = state with { Steps = state.Step };
                }
            }

            // Before the checkpoint with which the run is complete: behind that nothing is resumed.
            if (average is not null && state.Step == state.Steps)
                WithAverage(average, () => ModelCheckpoint.Save(RunFolder.LastAveragePath(folder), model, state));
            if (state.Step % every == 0 || state.Step == state.Steps)
                Save(parts, state, records);
        }

        if (state.Step < state.Steps && state.Step % every != 0)
            Save(parts, state, records);
        records.Flush();
        RunReport.Write(folder, _description, state, model.Device.type.ToString().ToLowerInvariant(), sources.SelectMany(source => source.Facts()));
        return state;
    }

    private RunState Load(RunState at, ICheckpointPart[] parts) =>
        ModelCheckpoint.Load(RunFolder.CheckpointPath(folder, at.Step), model, parts) with { Steps = run.Steps };

    /// <summary>
    /// Back to the newest checkpoint, from where the batch of the step that was not finite is left out; to the one before it where the run
    /// has gone back to that already and made none since, for then it may hold the harm itself.
    /// </summary>
    private RunState Rewind(RunState state, StepResult result, ICheckpointPart[] parts, RunRecords records)
    {
        var to = RunFolder.Newest(folder, _description, records.Noticed);
        if (to.Step == _rewound && RunFolder.Find(folder, _description, records.Noticed, before: to.Step) is { } earlier)
        {
            RunFolder.Refuse(folder, after: earlier.Step);
            to = earlier;
        }

        _rewound = to.Step;
        records.Noticed($"{NanGuard.Describe(state, result)}: back to step {to.Step}, and on without its batch");
        long[] skipped = [.. state.SkippedBatches, state.Position(state.Step)];
        var back = Load(to, parts) with { SkippedBatches = new(skipped.Order()) };
        records.Continues(back.Step);
        return back;
    }

    private StepResult Step(ITrainingProgram program, Batch batch, double learningRate)
    {
        var (size, tokens) = (_description.Batch, _description.Batch * batch.Length);
        for (var micro = 0; micro < _description.Training.Accumulate; micro++)
        {
            program.Backpropagate(
                batch.Tokens.Slice(micro * tokens, tokens),
                batch.Targets.Slice(micro * tokens, tokens),
                batch.Weights.IsEmpty ? [] : batch.Weights.Slice(micro * size, size),
                batch.Losses.Slice(micro * size, size));
        }

        var result = program.Update(learningRate);
        return batch.Weights.IsEmpty ? result : result with { Loss = Mean(batch.Losses) };
    }

    /// <summary>The loss of weighted sequences as it would be without their weights, which can be compared between steps.</summary>
    private static double Mean(ReadOnlySpan<float> losses)
    {
        var sum = 0.0;
        foreach (var loss in losses)
            sum += loss;
        return sum / losses.Length;
    }

    /// <returns>Where the run stands, and the loss: the lower one of the parameters and their average.</returns>
    private (RunState State, double Loss) Validate(ITrainingProgram program, WeightAverage? average, RunState state, RunRecords records)
    {
        if (_validation.Count == 0)
            return (state, double.NaN);

        var result = Evaluate(program) with { IsProvisional = program.Pruning is { IsComplete: false } };
        records.Validated(state.Step, result);
        if (result.IsProvisional)
            return (state, double.NaN); // the best parameters are to be pruned ones
        if (result.Loss < (state.Best?.Loss ?? double.PositiveInfinity))
        {
            state = state with { Best = result };
            ModelCheckpoint.Save(RunFolder.BestPath(folder), model, state);
        }

        if (average is null)
            return (state, result.Loss);
        var averaged = result;
        WithAverage(average, () =>
        {
            averaged = Evaluate(program);
            records.Noticed($"step {state.Step}: validation of averaged weights {averaged}");
            if (average.Validated(averaged.Loss))
                ModelCheckpoint.Save(RunFolder.BestAveragePath(folder), model, state with { Best = averaged });
        });
        return (state, Math.Min(result.Loss, averaged.Loss));
    }

    private EvaluationResult Evaluate(ITrainingProgram program)
    {
        model.Parameters.Quantized = true; // what is measured, and kept as the best, is what will be exported
        var source = _validation.Source!;
        var buffer = new long[source.Batch * source.Sequence];
        var targets = new long[buffer.Length];
        var loss = 0.0;
        program.Memory?.ClearEvaluation();
        for (var i = 0; i < _validation.Count; i++)
        {
            source.Fill(i, buffer, targets);
            loss += program.Evaluate(buffer, targets) / _validation.Count;
        }

        var measures = new StepMetrics();
        if (_description.Training.Objective.Kind is not (ObjectiveKind.Causal or ObjectiveKind.Regression))
            (program as IMetricSource)?.Report(measures);
        return new EvaluationResult(loss, _validation.BitsPerByte(loss, data.Tokenizer)) { Measures = measures.ToMeasures() };
    }

    private static void WithAverage(WeightAverage average, Action action)
    {
        average.Exchange();
        try
        {
            action();
        }
        finally
        {
            average.Exchange();
        }
    }

    private void Save(ICheckpointPart[] parts, RunState state, RunRecords records)
    {
        records.Flush();
        ModelCheckpoint.Save(RunFolder.CheckpointPath(folder, state.Step), model, state, parts);
        RunFolder.Prune(folder, _description.Training.KeptCheckpoints);
    }
}
