using System.Diagnostics;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Tests.Samples;

/// <summary>The Quickstart as users run it: a process whose output is not a terminal.</summary>
public sealed class QuickstartTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("quickstart-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Help_is_written_and_nothing_is_trained()
    {
        var (exitCode, output, error) = DotnetProcess.Finish(Start("--help"));
        Assert.Equal((0, ""), (exitCode, error));
        Assert.Contains("Trains TinyLm", output);
        Assert.Contains("--steps", output);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void An_error_is_one_line_and_no_stack_trace()
    {
        var (exitCode, output, error) = DotnetProcess.Finish(Start("--data", "no-such-folder"));
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Matches(@"\Aerror: The training text 'no-such-folder' does not exist\. [^\n]*--data[^\n]*\n\z", error);
    }

    [Fact]
    public void Ctrl_c_ends_it_with_a_checkpoint_that_can_be_resumed_and_asked()
    {
        if (OperatingSystem.IsWindows())
            Assert.Skip("Windows has no SIGINT to send to another process.");

        var process = Start("--steps", "100000");
        while (process.StandardOutput.ReadLine() is { } line && !line.StartsWith("step", StringComparison.Ordinal))
        {
        }

        Process.Start("kill", ["-INT", process.Id.ToString()]).WaitForExit();
        var (exitCode, output, error) = DotnetProcess.Finish(process);
        Assert.Equal((130, ""), (exitCode, error));
        Assert.Contains("continue it with --resume.", output);

        var last = Directory.GetFiles(_folder, "step-*.safetensors", SearchOption.AllDirectories).Order().Last();
        var step = ModelCheckpoint.ReadState(last).Step;
        (exitCode, output, error) = DotnetProcess.Finish(Start("--resume", "--steps", $"{step + 2}", "--tokens", "5"));
        Assert.Equal((0, ""), (exitCode, error));
        Assert.Contains($"step {step + 2}: validation", output);
        Assert.Contains("byte bigram:", output);

        (exitCode, output, error) = DotnetProcess.Finish(Start("generate", "Returns the", "--tokens", "5"));
        Assert.Equal((0, ""), (exitCode, error));
        Assert.StartsWith("Returns the", output);
    }

    [Fact]
    public void Techniques_are_compared_with_the_baseline()
    {
        var (exitCode, output, error) = DotnetProcess.Finish(Start("compare", "Int4", "--steps", "2"));
        Assert.Equal((0, ""), (exitCode, error));
        Assert.Contains("Int4, int4, groups of 64, gptq, int4 embeddings, writes:", output);
        Assert.True(File.Exists(Path.Combine(_folder, "out", "compare.html")));
    }

    private Process Start(params string[] args)
    {
        var here = new DirectoryInfo(AppContext.BaseDirectory); // tests/Runtime.Tests/bin/<configuration>/<framework>
        var program = Path.Combine(
            here.Parent!.Parent!.Parent!.Parent!.Parent!.FullName, "samples", "Quickstart", "bin", here.Parent.Name, here.Name, "Quickstart.dll");
        return DotnetProcess.Start(_folder, program, args);
    }
}
