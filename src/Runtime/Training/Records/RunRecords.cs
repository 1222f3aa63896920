namespace ModelCompiler.Runtime.Training;

/// <summary>Tells the user's observer and the files of a run's folder how training goes.</summary>
internal sealed class RunRecords(string folder, ITrainingObserver observer) : ITrainingObserver, IDisposable
{
    private readonly MetricsFile _metrics = new(folder);
    private readonly EventFile _events = new(folder, TimeProvider.System);

    public void Stepped(StepReport report)
    {
        _metrics.Stepped(report);
        _events.Stepped(report);
        observer.Stepped(report);
    }

    public void Validated(int step, EvaluationResult result)
    {
        _metrics.Validated(step, result);
        _events.Validated(step, result);
        observer.Validated(step, result);
    }

    public void Continues(int step)
    {
        _metrics.Continues(step);
        _events.Continues(step);
        observer.Continues(step);
    }

    public void Noticed(string message) => observer.Noticed(message);

    /// <summary>To be called before a checkpoint is written: it must not know more steps than the files.</summary>
    public void Flush() => _metrics.Flush();

    public void Dispose()
    {
        _metrics.Dispose();
        _events.Dispose();
    }
}
