using System.Text;
using ModelCompiler.Runtime.CommandLine;
using ModelCompiler.Runtime.Comparison;
using ModelCompiler.Runtime.Onnx;
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

    /// <summary>What is measured before the last removal is of another model.</summary>
    [Fact]
    public void A_model_that_is_still_to_be_pruned_is_not_as_good_as_the_goal()
    {
        var (reached, shown) = (0, new PlainProgress(_text, TimeProvider.System));
        var curve = new CurveRecorder(PrunedParts.Definition, shown, () => reached++, goal: 2.5);
        curve.Validated(1, new EvaluationResult(2, 2.4) { IsProvisional = true });
        Assert.Equal((0, 0), (reached, curve.Points.Count));
        Assert.Contains("step 1: validation 2.400", _text.ToString(), StringComparison.Ordinal);
        curve.Validated(2, new EvaluationResult(2, 2.5));
        Assert.Equal((1, 1), (reached, curve.Points.Count));
    }

    [Fact]
    public void A_quantized_a_taught_and_a_pruned_recipe()
    {
        Recipe[] recipes = [Recipe.Of<RecipeDense>(), Recipe.Of<RecipeTaught>(), Recipe.Of<Quantized>(), Recipe.Of<PrunedParts>()];
        Assert.True(Run(recipes, "--steps", "8") == ModelProgram.Done, _error.ToString());
        var page = File.ReadAllText(Path.Combine(_folder["out"], "compare.html"));
        Assert.Contains("int4, groups of 32, qat", page, StringComparison.Ordinal);
        Assert.All(recipes, recipe => Assert.Contains($">{recipe.Definition.Name}</th>", page, StringComparison.Ordinal));

        Assert.Equal(ModelProgram.Failed, Run([Recipe.Of<Gpt2>(), Recipe.Of<PrunedParts>()], "--steps", "7"));
        Assert.Equal("error: PrunedParts is pruned until step 8, and --steps 7 would leave it denser than declared. Give at least 8, or leave out --steps.\n", _error.ToString());
        Assert.False(Directory.Exists(_folder["out/Gpt2"]));
    }

    [Fact]
    public void Something_must_be_held_out()
    {
        var recipe = Recipe.Of<Gpt2>() with { Definition = Gpt2.Definition with { Training = Gpt2.Definition.Training with { Validation = 0 } } };
        Assert.Equal(ModelProgram.Failed, Run([recipe, Recipe.Of<Llama>()], "--steps", "2"));
        Assert.Contains("Gpt2 cannot be compared: nothing of", _error.ToString(), StringComparison.Ordinal);
    }

    /// <summary>Before anything is trained.</summary>
    [Fact]
    public void A_recipe_without_an_export_is_refused()
    {
        Assert.Equal(ModelProgram.Failed, Run([Recipe.Of<Gpt2>(), Recipe.Of<Adapted>()], "--steps", "2"));
        Assert.StartsWith("error: Adapted cannot be compared: Adapted has no ONNX form", _error.ToString(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["out"]));
    }

    /// <summary>Dense weights and the export as declared; and a pruned recipe is trained until it is as good as the first.</summary>
    [Fact]
    public void Recipes_start_and_are_exported_as_they_declare()
    {
        var (exitCode, output, error) = RunProcess("compare", "--same-loss", "--data", _folder.Text);
        Assert.Equal((0, ""), (exitCode, error));

        var (dense, pruned) = (Best("RecipeDense"), Best("RecipePruned"));
        Assert.InRange(dense.Best!.Value.BitsPerByte, 0, 5); // of 8 before training
        Assert.Contains("starting from the weights in out/RecipeDense/best.safetensors\n", output, StringComparison.Ordinal);
        Assert.InRange(pruned.Step, 30, 40);
        Assert.InRange(pruned.Best!.Value.BitsPerByte, 0, 6);
        Assert.Contains("com.microsoft", Graph("RecipeDense"), StringComparison.Ordinal);
        Assert.DoesNotContain("com.microsoft", Graph("RecipePruned"), StringComparison.Ordinal);

        RunState Best(string name) => ModelCheckpoint.ReadState(RunFolder.BestPath(Path.Combine(_folder["out"], name)));
        string Graph(string name) => File.ReadAllText(OnnxFolder.GraphPath(OnnxFolder.In(Path.Combine(_folder["out"], name))), Encoding.Latin1);
    }

    [Fact]
    public void Encoders_have_no_bits_per_byte() =>
        Assert.Contains("Bert", Assert.Throws<ArgumentException>(() => Run([Recipe.Of<Gpt2>(), Recipe.Of<Bert>()])).Message, StringComparison.Ordinal);

    /// <summary>Where the paths of declarations begin.</summary>
    private (int ExitCode, string Output, string Error) RunProcess(params string[] args) =>
        DotnetProcess.Run(_folder[""], typeof(ComparisonProgramTests).Assembly.Location, args);

    private int Run(params string[] args) => Run([Recipe.Of<Gpt2>(), Recipe.Of<Llama>(), Recipe.Of<Switch>()], args);

    private int Run(Recipe[] recipes, params string[] args) => ComparisonProgram.Run(
        [.. args, "--data", _folder.Text, "--output", _folder["out"]], recipes, new ProgramOutput(_text, _error, null), default);
}
