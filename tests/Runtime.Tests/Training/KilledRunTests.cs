using System.Diagnostics;
using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Tests.Training;

/// <summary>A process that trains is killed at random moments, and continued each time.</summary>
public sealed class KilledRunTests : IDisposable
{
    private const int Kills = 10;
    private const int Steps = 450;

    private readonly TrainingFolder _folder = new();
    private readonly Random _random = new();
    private string _command = "";

    public void Dispose() => _folder.Dispose();

    /// <param name="command">What <c>Program.cs</c> trains: between them the two models have all that a run carries from step to step.</param>
    [Theory]
    [InlineData("train")]
    [InlineData("train-scaled")]
    public void Its_loss_curve_and_its_checkpoint_are_those_of_a_run_that_nobody_touched(string command)
    {
        _command = command;
        Finish("whole");
        var expected = Curve("whole");
        Assert.Equal(Enumerable.Range(1, Steps).Select(step => $"{step}"), expected.Select(row => row.Split(',')[0]));

        // A run that is complete before the last kill is compared, and another one is killed.
        var (kills, run) = (0, 0);
        while (kills < Kills)
        {
            if (KillOnce($"killed-{run}"))
                kills++;
            else
                AssertAsUntouched($"killed-{run++}", expected);
        }

        if (!IsComplete($"killed-{run}")) Finish($"killed-{run}");
        AssertAsUntouched($"killed-{run}", expected);
    }

    private void AssertAsUntouched(string name, string[] expected)
    {
        Assert.Equal(expected, Curve(name));
        string[] files = [.. Directory.GetFiles(_folder["whole"], "*.safetensors").Select(path => Path.GetFileName(path)!)];
        Assert.Contains($"step-{Steps:D6}.safetensors", files);
        Assert.Contains("best.safetensors", files);
        foreach (var file in files)
            Assert.Equal(File.ReadAllBytes(Path.Combine(_folder["whole"], file)), File.ReadAllBytes(Path.Combine(_folder[name], file)));
        Assert.Empty(Directory.GetFiles(_folder[name], "*.tmp"));
    }

    /// <summary>The rows of metrics.csv, without the two columns of the clock.</summary>
    private string[] Curve(string name) =>
        [.. File.ReadAllLines(Path.Combine(_folder[name], "metrics.csv")).Skip(1)
            .Select(row => string.Join(',', row.Split(',').Where((_, column) => column is not (2 or 3))))];

    /// <summary>Whether a run has its last checkpoint: a kill may come behind that, and there is nothing to resume then.</summary>
    private bool IsComplete(string name) => File.Exists(Path.Combine(_folder[name], $"step-{Steps:D6}.safetensors"));

    /// <summary>False if the run was complete before.</summary>
    private bool KillOnce(string name)
    {
        if (IsComplete(name)) return false;
        using var process = Start(name);
        var metrics = new FileInfo(Path.Combine(_folder[name], "metrics.csv"));
        var before = metrics.Exists ? metrics.Length : 0;
        var bytes = _random.Next(4) == 0 ? -1 : before + _random.Next(60 * 110); // a row has about 110
        var time = Stopwatch.StartNew();
        while (!process.HasExited && (bytes < 0 ? time.ElapsedMilliseconds < 800 : !metrics.Exists || metrics.Length <= bytes))
        {
            if (bytes < 0 && _random.Next(50) == 0)
                break; // at any moment of its start
            Thread.Sleep(1);
            metrics.Refresh();
        }

        Thread.SpinWait(_random.Next(100_000));
        process.Kill();
        process.WaitForExit();
        return process.ExitCode != 0;
    }

    private void Finish(string name)
    {
        using var process = Start(name);
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, process.StandardError.ReadToEnd());
    }

    private Process Start(string name)
    {
        string[] resume = RunFolder.LastPath(_folder[name]) is null ? [] : ["--resume"];
        var program = Path.ChangeExtension(typeof(KilledRunTests).Assembly.Location, ".dll");
        var process = Process.Start(new ProcessStartInfo(
            "dotnet", [program, _command, "--data", _folder.Text, "--output", _folder[name], "--steps", $"{Steps}", "--tokens", "1", .. resume])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { [CacheFolder.Variable] = CacheFolder.Path, ["OMP_NUM_THREADS"] = "1" },
        })!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        return process;
    }
}
