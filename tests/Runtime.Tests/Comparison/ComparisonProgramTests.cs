using ModelCompiler.Runtime.CommandLine;
using ModelCompiler.Runtime.Comparison;
using ModelCompiler.Runtime.Tests.Generated;
using ModelCompiler.Runtime.Tests.Training;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Tests.Comparison;

public sealed class ComparisonProgramTests : IDisposable
{
    private readonly TrainingFolder _folder = new();
    private readonly StringWriter _text = new() { NewLine = "\n" };
    private readonly StringWriter _error = new() { NewLine = "\n" };

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Each_recipe_is_trained_exported_and_set_beside_the_first()
    {
        Assert.True(Run("--steps", "4") == ModelProgram.Done, _error.ToString());
        var lines = _text.ToString().Split('\n');
        var rows = lines.SkipWhile(line => !line.StartsWith("model ", StringComparison.Ordinal)).Skip(1).TakeWhile(line => !line.StartsWith("In parentheses", StringComparison.Ordinal)).ToArray();
        Assert.Equal(["Gpt2", "Llama", "Switch"], rows.Select(row => row.Split(' ')[0]));
        Assert.DoesNotContain('(', rows[0]);
        Assert.All(rows[1..], row => Assert.Matches(@"\(\d+\.\d\dx\)", row));
        Assert.Contains("Switch, fp32, writes:", lines);

        foreach (var name in (string[])["Gpt2", "Llama", "Switch"])
            Assert.True(File.Exists(Path.Combine(_folder["out"], name, "onnx", "verification.json")));
        var page = File.ReadAllText(Path.Combine(_folder["out"], "compare.html"));
        Assert.Contains(">Llama</th>", page, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", page, StringComparison.Ordinal);
        Assert.Equal(5, page.Split("<svg").Length - 1);
    }

    [Fact]
    public void Models_are_chosen_by_name()
    {
        Assert.True(Run("Switch", "--steps", "2") == ModelProgram.Done, _error.ToString());
        Assert.DoesNotContain("Llama", _text.ToString(), StringComparison.Ordinal);
        Assert.Equal(ModelProgram.Failed, Run("Lama"));
        Assert.Contains("Lama", _error.ToString(), StringComparison.Ordinal);
        Assert.Equal(ModelProgram.Failed, Run("--steps", "0"));
        Assert.Contains("--steps must be at least 1", _error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Training_ends_at_the_first_validation_that_is_as_good_as_the_goal()
    {
        var reached = 0;
        var curve = new CurveRecorder(Gpt2.Definition, new PlainProgress(_text, TimeProvider.System), () => reached++, goal: 2.5);
        curve.Stepped(new StepReport(1, 9, 72, 3, 1, 0.1) { Seconds = 2 });
        curve.Validated(1, new EvaluationResult(3, 2.51));
        Assert.Equal(0, reached);
        curve.Stepped(new StepReport(2, 9, 72, 3, 1, 0.1) { Seconds = 3 });
        curve.Validated(2, new EvaluationResult(2, 2.5));
        Assert.Equal(1, reached);
        Assert.Equal([(1, 2.0), (2, 5.0)], curve.Points.Select(point => (point.Step, point.Seconds)));
        Assert.Equal(2 * ((3.0 * Gpt2.Definition.ForwardFlops) + Gpt2.Definition.RecomputedFlops), curve.Flops, 1e-3);
    }

    [Fact]
    public void Encoders_have_no_bits_per_byte() =>
        Assert.Contains("Bert", Assert.Throws<ArgumentException>(() => Run([Recipe.Of<Gpt2>(), Recipe.Of<Bert>()])).Message, StringComparison.Ordinal);

    private int Run(params string[] args) => Run([Recipe.Of<Gpt2>(), Recipe.Of<Llama>(), Recipe.Of<Switch>()], args);

    private int Run(Recipe[] recipes, params string[] args) => ComparisonProgram.Run(
        [.. args, "--data", _folder.Text, "--output", _folder["out"]], recipes, new ProgramOutput(_text, _error, null), default);
}
