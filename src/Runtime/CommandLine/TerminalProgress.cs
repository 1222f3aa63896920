using ModelCompiler.Runtime.Training;
using Spectre.Console;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>Progress as a bar that stays on the terminal's last line; validation is printed above it.</summary>
internal sealed class TerminalProgress : ITrainingObserver
{
    private readonly IAnsiConsole _console;
    private readonly ProgressTask _task;
    private readonly ProgressMeter _meter = new(TimeProvider.System);

    private TerminalProgress(IAnsiConsole console, ProgressTask task) => (_console, _task) = (console, task);

    /// <summary>Shows the bar while <paramref name="train"/> runs.</summary>
    public static RunState Show(IAnsiConsole console, Func<ITrainingObserver, RunState> train) =>
        console.Progress()
            .Columns(new ProgressBarColumn { Width = 30 }, new TaskDescriptionColumn { Alignment = Justify.Left })
            .Start(context => train(new TerminalProgress(console, context.AddTask("starting"))));

    public void Stepped(StepReport report)
    {
        _meter.Add(report);
        _task.MaxValue = report.Steps;
        _task.Value = report.Step;
        _task.Description = _meter.Describe(report).EscapeMarkup();
    }

    public void Validated(int step, EvaluationResult result) => _console.WriteLine(PlainProgress.ValidationLine(step, result));

    public void Noticed(string message) => _console.WriteLine(message);
}
