using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>Speed and remaining time of a run. The first step starts the clock and is not counted: it warms up.</summary>
internal sealed class ProgressMeter(TimeProvider time)
{
    private long? _start;
    private long _tokens;
    private int _steps;

    public double TokensPerSecond { get; private set; }

    /// <summary>Null until there is a speed.</summary>
    public TimeSpan? Remaining { get; private set; }

    public void Add(StepReport report)
    {
        if (_start is not { } start)
        {
            _start = time.GetTimestamp();
            return;
        }

        _tokens += report.Tokens;
        _steps++;
        var elapsed = time.GetElapsedTime(start);
        TokensPerSecond = _tokens / elapsed.TotalSeconds;
        Remaining = elapsed / _steps * (report.Steps - report.Step);
    }

    /// <summary>E.g. <c>step  120/2000  loss 1.8234  12,345 tokens/s  2:03 left</c>.</summary>
    public string Describe(StepReport report)
    {
        var step = report.Step.ToString().PadLeft(report.Steps.ToString().Length);
        var speed = Remaining is { } remaining ? $"  {TokensPerSecond,9:N0} tokens/s  {Format(remaining)} left" : "";
        return $"step {step}/{report.Steps}  loss {report.Loss:F4}{speed}";
    }

    public static string Format(TimeSpan time) => time.TotalHours >= 1
        ? $"{(int)time.TotalHours}:{time.Minutes:D2}:{time.Seconds:D2}"
        : $"{time.Minutes}:{time.Seconds:D2}";
}
