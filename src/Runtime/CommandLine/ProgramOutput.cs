using Spectre.Console;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>Where a program writes.</summary>
/// <param name="Text">Standard output.</param>
/// <param name="Error">Standard error.</param>
/// <param name="Terminal">For what moves; null where output is not a terminal.</param>
internal sealed record ProgramOutput(TextWriter Text, TextWriter Error, IAnsiConsole? Terminal)
{
    public static ProgramOutput ForConsole()
    {
        var terminal = !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities.Ansi;
        return new ProgramOutput(Console.Out, Console.Error, terminal ? AnsiConsole.Console : null);
    }

    /// <summary>Writes an error on one line.</summary>
    public int Fail(string message)
    {
        Error.WriteLine($"error: {string.Join(' ', message.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries))}");
        return ModelProgram.Failed;
    }
}
