using System.Diagnostics;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Tests;

/// <summary>A program in a process of its own, whose output is not a terminal; it shares the tests' cache.</summary>
internal static class DotnetProcess
{
    /// <param name="folder">Where it runs.</param>
    /// <param name="program">Path of its assembly.</param>
    /// <param name="args">Its command line.</param>
    public static Process Start(string folder, string program, params string[] args) => Process.Start(new ProcessStartInfo("dotnet", [program, .. args])
    {
        WorkingDirectory = folder,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        Environment = { [CacheFolder.Variable] = CacheFolder.Path },
    })!;

    /// <summary>Waits for its end.</summary>
    public static (int ExitCode, string Output, string Error) Finish(Process process)
    {
        using (process)
        {
            var error = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output, error.Result);
        }
    }

    /// <summary>Starts it and waits for its end.</summary>
    public static (int ExitCode, string Output, string Error) Run(string folder, string program, params string[] args) => Finish(Start(folder, program, args));
}
