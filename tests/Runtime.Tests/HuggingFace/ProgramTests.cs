using System.Diagnostics;
using ModelCompiler.Runtime.CommandLine;
using ModelCompiler.Runtime.HuggingFace;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Tests.HuggingFace;

/// <summary>A model on its way: imported, asked, trained on, asked again, exported.</summary>
public sealed class ProgramTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void The_whole_way()
    {
        var (text, error) = (new StringWriter { NewLine = "\n" }, new StringWriter { NewLine = "\n" });
        var folder = TinyModels.Gpt2().Save(_folder, "some-model");
        Assert.Equal(ModelProgram.Done, ImportProgram.Run([folder, "--output", _folder["app"], "--name", "HfGpt2"], new ProgramOutput(text, error, null)));
        Assert.Equal("", error.ToString());
        Assert.Contains(Path.Combine(_folder["app"], "HfGpt2.model.yaml"), text.ToString());
        Directory.CreateDirectory(_folder["app"]);
        File.WriteAllText(_folder["text.txt"], string.Concat(Enumerable.Repeat("ab a ab ab a b\n", 100)));

        Assert.StartsWith("a b", Run("generate", "a b", "--tokens", "5"));
        Assert.Contains("starting from the imported weights in out/HfGpt2\n", Run("--data", _folder["text.txt"], "--steps", "2", "--tokens", "5"));
        Assert.StartsWith("a b", Run("generate", "a b", "--tokens", "5"));
        Run("publish", _folder["exported"]);
        Assert.True(PretrainedModel.Exists(_folder["exported"]));

        // Training has changed the weights, and nothing else.
        Assert.NotEqual(File.ReadAllBytes(Path.Combine(folder, "model.safetensors")), File.ReadAllBytes(Path.Combine(_folder["exported"], "model.safetensors")));
        var (first, last) = (PretrainedImport.Run(folder, _folder["a"], "HfGpt2"), PretrainedImport.Run(_folder["exported"], _folder["b"], "HfGpt2"));
        Assert.Equal(first.Spec, last.Spec);
    }

    /// <summary>The imported weights are in the run's first checkpoint: what resumes it does not start from others.</summary>
    [Fact]
    public void Training_that_was_killed_before_its_second_checkpoint_is_resumed_from_the_imported_weights()
    {
        Directory.CreateDirectory(_folder["app"]);
        File.WriteAllText(_folder["text.txt"], string.Concat(Enumerable.Repeat("ab a ab ab a b\n", 100)));
        var (text, error) = (new StringWriter { NewLine = "\n" }, new StringWriter { NewLine = "\n" });
        Assert.Equal(ModelProgram.Done, ImportProgram.Run(
            [TinyModels.Gpt2().Save(_folder, "some-model"), "--output", _folder["app"], "--name", "HfGpt2"], new ProgramOutput(text, error, null)));
        var run = Path.Combine(_folder["app"], "out", "HfGpt2");
        using (var process = Start("--data", _folder["text.txt"], "--steps", "1000000"))
        {
            while (RunFolder.LastPath(run) is null && !process.HasExited)
                Thread.Sleep(1);
            process.Kill();
            process.WaitForExit();
        }

        Assert.Equal([0], RunFolder.Checkpoints(run).Select(checkpoint => checkpoint.Step));
        Run("--resume", "--steps", "3", "--tokens", "1");
        var resumed = File.ReadAllBytes(RunFolder.LastPath(run)!);
        Run("--data", _folder["text.txt"], "--steps", "3", "--tokens", "1");
        Assert.Equal(File.ReadAllBytes(RunFolder.LastPath(run)!), resumed);
    }

    [Theory]
    [InlineData("nowhere/config.json", "nowhere")]
    [InlineData("Required argument 'folder' missing")]
    [InlineData("--contexts", ".", "--contexts")]
    [InlineData("'my-model' is no C# class name", ".", "--name", "my-model")]
    public void A_wrong_import_is_answered_with_one_line(string message, params string[] args)
    {
        var (text, error) = (new StringWriter { NewLine = "\n" }, new StringWriter { NewLine = "\n" });
        Assert.Equal(ModelProgram.Failed, ImportProgram.Run(args, new ProgramOutput(text, error, null)));
        Assert.StartsWith("error: ", error.ToString());
        Assert.Contains(message, error.ToString());
        Assert.Single(error.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    /// <summary>Runs the compiled model where its weights are.</summary>
    private string Run(params string[] args)
    {
        var (exitCode, output, error) = DotnetProcess.Finish(Start(args));
        Assert.Equal((0, ""), (exitCode, error));
        return output;
    }

    private Process Start(params string[] args) =>
        DotnetProcess.Start(_folder["app"], typeof(ProgramTests).Assembly.Location, ["imported", .. args]);

    public void Dispose() => _folder.Dispose();
}
