namespace ModelCompiler.Runtime.Training;

/// <summary>Is told how training goes, on the thread that trains.</summary>
public interface ITrainingObserver
{
    void Stepped(StepReport report);

    /// <param name="step">Steps made so far.</param>
    /// <param name="result">Loss on the validation windows.</param>
    void Validated(int step, EvaluationResult result);

    /// <summary>The run goes on after a step: it starts, is resumed, or goes back. What was told of later steps is void.</summary>
    /// <param name="step">Steps made so far.</param>
    void Continues(int step)
    {
    }

    /// <summary>Something that the user should know.</summary>
    void Noticed(string message)
    {
    }
}

/// <summary>One step of a run.</summary>
/// <param name="Step">Its number, from 1 to <paramref name="Steps"/>.</param>
/// <param name="Steps">Steps of the whole run.</param>
/// <param name="Tokens">Tokens in the step's batch.</param>
/// <param name="Loss">Mean cross-entropy in nats per token, before the update.</param>
/// <param name="GradientNorm">Global norm of the gradients, before clipping.</param>
/// <param name="LearningRate">The step's learning rate.</param>
public readonly record struct StepReport(int Step, int Steps, int Tokens, double Loss, double GradientNorm, double LearningRate)
{
    /// <summary>Duration of the step, with waiting for its batch.</summary>
    public double Seconds { get; init; }

    /// <summary>What parts of the run report of the step; valid until the next. Null if there is nothing.</summary>
    public StepMetrics? Metrics { get; init; }
}
