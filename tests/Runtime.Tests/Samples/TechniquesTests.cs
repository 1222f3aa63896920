using System.Text.RegularExpressions;

namespace ModelCompiler.Runtime.Tests.Samples;

/// <summary>The Techniques as users run them: one program over all their models.</summary>
public sealed class TechniquesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("techniques-").FullName;

    private static DirectoryInfo Here { get; } = new(AppContext.BaseDirectory); // tests/Runtime.Tests/bin/<configuration>/<framework>

    private static string Sample { get; } = Path.Combine(Here.Parent!.Parent!.Parent!.Parent!.Parent!.FullName, "samples", "Techniques");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_list_names_the_model_of_every_file()
    {
        var declared = Directory.GetFiles(Sample, "*.model.yaml")
            .Select(file => Regex.Match(File.ReadAllText(file), "^model: (.*)$", RegexOptions.Multiline).Groups[1].Value);
        var (exitCode, output, error) = Run("list");
        Assert.Equal((0, ""), (exitCode, error));
        Assert.Equal(declared.Order(), output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[0]).Order());
    }

    [Fact]
    public void A_model_is_trained_and_asked_by_its_name()
    {
        var (exitCode, output, error) = Run("train", "bf16", "--steps", "2", "--tokens", "5");
        Assert.Equal((0, ""), (exitCode, error));
        Assert.Contains("step 2: validation", output);
        (exitCode, output, error) = Run("generate", "Bf16", "Returns the", "--tokens", "5");
        Assert.Equal((0, ""), (exitCode, error));
        Assert.StartsWith("Returns the", output);
    }

    [Fact]
    public void A_model_that_learned_to_adapt_is_adapted_to_a_text()
    {
        var texts = Path.Combine(_folder, "texts.txt");
        File.WriteAllLines(texts, Enumerable.Range(0, 20).Select(i => $"zzz zzz zzz zzz {i}"));
        Assert.StartsWith("error: ", Run("adapt", texts).Error); // nothing is trained yet
        var (exitCode, output, error) = Run("train", "Maml", "--steps", "1", "--tokens", "1");
        Assert.Equal((0, ""), (exitCode, error));
        (exitCode, output, error) = Run("adapt", texts);
        Assert.Equal((0, ""), (exitCode, error));
        var (before, adapted) = (output.Split('\n')[0], output.Split('\n')[1]);
        Assert.StartsWith("before   ", before);
        Assert.StartsWith("adapted  ", adapted);
        Assert.NotEqual(before["before   ".Length..], adapted["adapted  ".Length..]);
    }

    [Theory]
    [InlineData("error: There is no model 'Bf61'. 'list' shows them.\n", "train", "Bf61")]
    [InlineData("usage: list | import")]
    public void A_wrong_command_line_is_answered_with_one_line(string expected, params string[] args)
    {
        var (exitCode, output, error) = Run(args);
        Assert.Equal((1, ""), (exitCode, output));
        Assert.StartsWith(expected, error);
    }

    private (int ExitCode, string Output, string Error) Run(params string[] args)
    {
        var program = Path.Combine(Sample, "bin", Here.Parent!.Name, Here.Name, "Techniques.dll");
        return DotnetProcess.Run(_folder, program, args);
    }
}
