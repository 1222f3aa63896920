using System.CommandLine;
using ModelCompiler.Runtime.Training;
using Spectre.Console;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>Where a program writes, and reads what is typed.</summary>
/// <param name="Text">Standard output.</param>
/// <param name="Error">Standard error.</param>
/// <param name="Terminal">For what moves; null where output is not a terminal.</param>
internal sealed record ProgramOutput(TextWriter Text, TextWriter Error, IAnsiConsole? Terminal)
{
    /// <summary>Standard input.</summary>
    public TextReader Input { get; init; } = TextReader.Null;

    public static ProgramOutput ForConsole()
    {
        var terminal = !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities.Ansi;
        return new ProgramOutput(Console.Out, Console.Error, terminal ? AnsiConsole.Console : null) { Input = Console.In };
    }

    /// <summary>Parses and runs a command line; what goes wrong becomes one line and an exit code.</summary>
    public int Guard(CancellationToken interrupt, Func<RootCommand> command, string[] args)
    {
        try
        {
            var parsed = command().Parse(args);
            return parsed.Errors is [var error, ..]
                ? Fail($"{error.Message} See --help.")
                : parsed.Invoke(new InvocationConfiguration
                {
                    EnableDefaultExceptionHandler = false,
                    ProcessTerminationTimeout = null,
                    Output = Text,
                    Error = Error,
                });
        }
        catch (OperationCanceledException) when (interrupt.IsCancellationRequested)
        {
            Text.WriteLine("Interrupted.");
            return ModelProgram.Interrupted;
        }
        catch (Exception e)
        {
            return Fail(e.Message);
        }
    }

    /// <summary>Writes an error on one line.</summary>
    public int Fail(string message)
    {
        Error.WriteLine($"error: {string.Join(' ', message.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries))}");
        return ModelProgram.Failed;
    }

    /// <summary>Trains with a bar on a terminal, elsewhere with a line now and then.</summary>
    /// <param name="train">Is given whom to tell.</param>
    public RunState Train(Func<ITrainingObserver, RunState> train) =>
        Terminal is { } terminal ? TerminalProgress.Show(terminal, train) : train(new PlainProgress(Text, TimeProvider.System));

    /// <summary>Runs something of several steps, with a bar on a terminal.</summary>
    /// <param name="what">It does.</param>
    /// <param name="steps">How many.</param>
    /// <param name="run">Is given what to call after each.</param>
    public void Follow(string what, int steps, Action<Action> run)
    {
        if (Terminal is null) run(() => { });
        else
        {
            Terminal.Progress().AutoClear(true).Start(context =>
            {
                var task = context.AddTask(what, maxValue: steps);
                run(() => task.Increment(1));
            });
        }
    }
}
