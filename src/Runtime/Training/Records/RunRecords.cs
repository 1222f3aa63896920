namespace ModelCompiler.Runtime.Training;

/// <summary>Tells the user's observer and the files of a run's folder how training goes.</summary>
internal sealed class RunRecords : ITrainingObserver, IDisposable
{
    private readonly ITrainingObserver _observer;
    private readonly MetricsFile _metrics;
    private readonly EventFile _events;

    public RunRecords(string folder, ITrainingObserver observer)
    {
        _observer = observer;
        _metrics = new MetricsFile(folder);
        try
        {
            _events = new EventFile(folder, TimeProvider.System);
        }
        catch
        {
            _metrics.Dispose();
            throw;
        }
    }

    public void Stepped(StepReport report)
    {
        _metrics.Stepped(report);
        _events.Stepped(report);
        _observer.Stepped(report);
    }

    public void Validated(int step, EvaluationResult result)
    {
        _metrics.Validated(step, result);
        _events.Validated(step, result);
        _observer.Validated(step, result);
    }

    public void Continues(int step)
    {
        _metrics.Continues(step);
        _events.Continues(step);
        _observer.Continues(step);
    }

    public void Noticed(string message) => _observer.Noticed(message);

    /// <summary>To be called before a checkpoint is written: it must not know more steps than the files.</summary>
    public void Flush() => _metrics.Flush();

    public void Dispose()
    {
        _metrics.Dispose();
        _events.Dispose();
    }
}
