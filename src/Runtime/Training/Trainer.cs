using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Batches;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// The loop around a training program: data, schedule, validation on fixed windows, checkpoints. The folder of a run holds
/// <c>last.safetensors</c>, from which it is continued bit-identically, and <c>best.safetensors</c>, the parameters of the
/// lowest validation loss; if nothing is held out for validation, there is only the first.
/// </summary>
/// <param name="model">Its parameters are trained.</param>
/// <param name="data">Text in the model's vocabulary.</param>
/// <param name="run">The run's start, or where it stood.</param>
/// <param name="folder">Where the checkpoints are.</param>
public sealed class Trainer(ICompiledModel model, Dataset data, RunState run, string folder)
{
    private const int ValidationBatches = 16;

    private readonly ModelDescription _description = model.Description;
    private readonly ValidationWindows _windows =
        new(data.Validation, model.Description.Batch, model.Description.Context, ValidationBatches);

    /// <summary>The checkpoint to continue from.</summary>
    public static string LastPath(string folder) => Path.Combine(folder, "last.safetensors");

    /// <summary>The checkpoint with the lowest validation loss.</summary>
    public static string BestPath(string folder) => Path.Combine(folder, "best.safetensors");

    /// <summary>Trains to the last step, or until <paramref name="interrupt"/>: then too a checkpoint has been written.</summary>
    /// <returns>Where the run stands.</returns>
    /// <exception cref="TrainingDivergedException">The loss or the gradients are not finite any more.</exception>
    public RunState Run(ITrainingObserver observer, CancellationToken interrupt)
    {
        Directory.CreateDirectory(folder);
        using var program = model.CreateTraining();
        ICheckpointPart[] parts = [new OptimizerPart(program, model.Parameters), .. program.CheckpointParts];
        var state = run.Step == 0 ? run : ModelCheckpoint.Load(LastPath(folder), model, parts) with { Steps = run.Steps };
        var schedule = new LearningRateSchedule(_description.Training, state.Steps);
        var interval = Math.Clamp(state.Steps / 10, 50, 1000);
        using var batches = new Prefetcher(
            new BatchSource(data.Training, _description.Batch * _description.Training.Accumulate, _description.Context, state.Seed), state.Step);

        while (state.Step < state.Steps && !interrupt.IsCancellationRequested)
        {
            var learningRate = schedule.At(state.Step);
            var result = Step(program, batches.Next(), learningRate);
            state = state with { Step = state.Step + 1 };
            ThrowIfDiverged(result, state.Step);
            observer.Stepped(new StepReport(
                state.Step, state.Steps, _description.Batch * _description.Training.Accumulate * _description.Context, result.Loss, result.GradientNorm, learningRate));

            if (state.Step % interval != 0 && state.Step < state.Steps)
                continue;
            state = Validate(program, state, observer);
            Save(parts, state);
        }

        if (state.Step < state.Steps)
            Save(parts, state);
        return state;
    }

    private StepResult Step(ITrainingProgram program, Batch batch, double learningRate)
    {
        var length = _description.Batch * _description.Context;
        for (var start = 0; start < batch.Tokens.Length; start += length)
            program.Backpropagate(batch.Tokens.AsSpan(start, length), batch.Targets.AsSpan(start, length));
        return program.Update(learningRate);
    }

    private RunState Validate(ITrainingProgram program, RunState state, ITrainingObserver observer)
    {
        if (_windows.Batches == 0)
            return state;

        var buffer = new long[_windows.Batch * _windows.Sequence];
        var following = new long[buffer.Length];
        var loss = 0.0;
        for (var i = 0; i < _windows.Batches; i++)
        {
            _windows.Fill(i, buffer, following);
            loss += program.Evaluate(buffer, following) / _windows.Batches;
        }

        var result = new EvaluationResult(loss, _windows.BitsPerByte(loss, data.Tokenizer));
        observer.Validated(state.Step, result);
        if (!(result.Loss < (state.Best?.Loss ?? double.PositiveInfinity)))
            return state;
        state = state with { Best = result };
        ModelCheckpoint.Save(BestPath(folder), model, state);
        return state;
    }

    private void Save(ICheckpointPart[] parts, RunState state)
    {
        if (state.Best is null)
            File.Delete(BestPath(folder)); // of an earlier run
        ModelCheckpoint.Save(LastPath(folder), model, state, parts);
    }

    private void ThrowIfDiverged(StepResult result, int step)
    {
        var (what, value) = double.IsFinite(result.Loss) ? ("gradient norm", result.GradientNorm) : ("loss", result.Loss);
        if (double.IsFinite(value))
            return;
        throw new TrainingDivergedException(FormattableString.Invariant(
            $"Training diverged: at step {step} the {what} was {value}. Set a lower training.optimizer.learning-rate (now {_description.Training.LearningRate}) or a longer warmup (now {_description.Training.Warmup}). Earlier checkpoints in '{folder}' are as they were."));
    }
}
