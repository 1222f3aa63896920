using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>Progress as lines, for files and pipes: the first and the last step, and one each few seconds between.</summary>
internal sealed class PlainProgress(TextWriter output, TimeProvider time) : ITrainingObserver
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(5);

    private readonly ProgressMeter _meter = new(time);
    private long? _lastLine;

    public void Stepped(StepReport report)
    {
        _meter.Add(report);
        if (_lastLine is { } last && report.Step < report.Steps && time.GetElapsedTime(last) < s_interval)
            return;
        _lastLine = time.GetTimestamp();
        output.WriteLine(_meter.Describe(report));
    }

    public void Validated(int step, EvaluationResult result) => output.WriteLine(ValidationLine(step, result));

    public void Noticed(string message) => output.WriteLine(message);

    public static string ValidationLine(int step, EvaluationResult result) =>
        $"step {step}: validation {result}";
}
