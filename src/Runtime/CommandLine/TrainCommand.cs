using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>Trains a model, reports how good it has become, and lets it write a paragraph.</summary>
internal sealed class TrainCommand(ICompiledModel model, RunState? previous, TrainOptions options, ProgramOutput output)
{
    private readonly ModelDescription _description = model.Description;

    public static int Run(ProgramContext program, TrainOptions options)
    {
        if (options.Resume)
            RunFolder.TakeBack(options.Output);
        var previous = options.Resume ? RunFolder.Newest(options.Output, program.Model, program.Output.Text.WriteLine) : null;
        using var model = program.Create(options.Device, options.Seed ?? previous?.Seed);
        return new TrainCommand(model, previous, options, program.Output).Run(program.Interrupt);
    }

    private int Run(CancellationToken interrupt)
    {
        var settings = _description.Training with { Source = options.Data ?? previous?.Source ?? _description.Training.Source };
        var weights = StartingWeights.Load(model, options.Output, options.Base, previous, Report);
        using var data = Dataset.Open(settings, _description.Vocabulary, weights.Tokenizer, report: Report, cancellation: interrupt);
        var start = (previous is null ? RunState.Begin(_description, settings, data, options.Seed, options.Steps) : Continue(previous, settings)) with { Base = weights.Base };

        output.Text.WriteLine(
            $"{_description.Name}: {_description.ParameterCount / 1e6:F2} M parameters, {_description.Compute.ToString().ToLowerInvariant()}, {options.Device}");
        output.Text.WriteLine(
            $"{settings.Source}: {data.Training.Count:N0} tokens to train on, {data.Validation.Count:N0} to validate on; "
            + $"{start.Steps - start.Step:N0} steps of {_description.Batch * _description.Training.Accumulate} × {_description.Context}");

        if (HardwareAdvice.OfTraining(_description.Compute, model.Device.type) is { } advice) Report(advice);
        if (HardwareAdvice.OfScores(settings.Subset?.Precision, model.Device.type) is { } onScores) Report(onScores);

        var trainer = new Trainer(model, data, start, options.Output, resumes: previous is not null);
        var state = output.Train(observer => trainer.Run(observer, interrupt));
        if (state.Step < state.Steps)
        {
            output.Text.WriteLine($"Interrupted after step {state.Step}. Checkpoint: {RunFolder.CheckpointPath(options.Output, state.Step)}; continue it with --resume.");
            return ModelProgram.Interrupted;
        }

        foreach (var choice in Lowerings.Default.Choices.Where(choice => choice.Milliseconds.Count > 0))
            output.Text.WriteLine($"chosen by measurement: {choice}");
        Summarize(state, data);
        if (_description.Training.Objective.Kind == ObjectiveKind.Regression)
            return ModelProgram.Done;
        if (_description.Training.Objective.Kind != ObjectiveKind.Causal)
            return new ReadCommand(_description, options.Output, output).WriteSample(model, data);
        return GenerateCommand.Write(output, model, null, "", data.Tokenizer, options.Sample, interrupt);
    }

    private void Report(string message) => output.Text.WriteLine(message);

    private RunState Continue(RunState previous, TrainingSettings settings)
    {
        if (options.Seed is { } seed && seed != previous.Seed)
            throw new CheckpointException($"The run in '{options.Output}' has seed {previous.Seed}; leave out --seed to resume it.");
        var steps = options.Steps ?? previous.Steps;
        if (previous.Step >= steps)
            throw new CheckpointException($"The run in '{options.Output}' is complete: it has made {previous.Step} of {steps} steps. Give more with --steps.");
        return previous with { Steps = steps, Source = settings.Source };
    }

    private void Summarize(RunState state, Dataset data)
    {
        output.Text.WriteLine();
        if (state.Best is { } best)
        {
            best = ModelCheckpoint.Load(RunFolder.LowestPath(options.Output)!, model).Best ?? best;
            output.Text.WriteLine($"validation:  {best}");
            if (_description.Training.Meta is null)
                output.Text.WriteLine(Baseline(data));
        }

        output.Text.WriteLine($"checkpoint:  {(state.Best is null ? RunFolder.CheckpointPath(options.Output, state.Step) : RunFolder.LowestPath(options.Output))}");
        output.Text.WriteLine();
    }

    /// <summary>What a model must beat: one that knows no more than frequencies.</summary>
    private string Baseline(Dataset data)
    {
        switch (_description.Training.Objective.Kind)
        {
            case ObjectiveKind.Causal:
                var bits = ByteBigram.BitsPerByte(data.Training, data.Validation, data.Tokenizer);
                var nats = bits * Math.Log(2) * data.Validation.Bytes / data.Validation.Count;
                return $"byte bigram: {new EvaluationResult(nats, bits)}";
            case ObjectiveKind.Classification:
                return $"most frequent class: {new Measure("class-accuracy", data.TrainingExamples.Majority(data.ValidationExamples))}";
            default:
                return $"frequencies: {new Measure("masked-loss", Unigram.Nats(data.Training, data.Validation, data.Tokenizer.Vocabulary))}";
        }
    }
}
