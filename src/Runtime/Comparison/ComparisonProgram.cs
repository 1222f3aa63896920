using System.CommandLine;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.CommandLine;
using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Onnx;

namespace ModelCompiler.Runtime.Comparison;

/// <summary>
/// The program that compares recipes: each is trained on the same text and exported; a table and <c>compare.html</c> say what it
/// costs and how good it is beside the first. At the end the last one writes a paragraph, with its exported weights.
/// </summary>
public static class ComparisonProgram
{
    private const int SampleTokens = 100;

    /// <summary>Runs a comparison's command line; <c>--help</c> describes it.</summary>
    /// <param name="args">Options, and the names of models.</param>
    /// <param name="recipes">At least two; the first is the baseline. A teacher stands before its student.</param>
    /// <returns>The exit code: 0 done, 1 error (one line on standard error), 130 interrupted.</returns>
    public static int Run(string[] args, params Recipe[] recipes)
    {
        using var interrupt = new InterruptSignal();
        return Run(args, recipes, ProgramOutput.ForConsole(), interrupt.Token);
    }

    internal static int Run(string[] args, Recipe[] recipes, ProgramOutput output, CancellationToken interrupt)
    {
        if (recipes.Length < 2) throw new ArgumentException("There is nothing to compare: give at least two recipes.", nameof(recipes));
        if (recipes.FirstOrDefault(recipe => recipe.Definition.Training.Objective.Kind != ObjectiveKind.Causal) is { } encoder)
            throw new ArgumentException($"{encoder.Definition.Name} does not predict next tokens: bits per byte compare models that do.", nameof(recipes));
        return output.Guard(interrupt, () => new ComparisonCommand(recipes, options => Compare(options, recipes, output, interrupt)), args);
    }

    private static int Compare(ComparisonOptions options, Recipe[] recipes, ProgramOutput output, CancellationToken interrupt)
    {
        Recipe[] chosen = [recipes[0], .. recipes.Skip(1).Where(recipe => options.Names.Count == 0 || options.Names.Contains(recipe.Definition.Name))];
        RecipeRun[] runs = [.. chosen.Select(recipe => new RecipeRun(recipe, Path.Combine(options.Output, recipe.Definition.Name), options, output))];
        foreach (var run in runs) run.Check();
        var results = new List<RecipeResult>();
        foreach (var (recipe, run) in chosen.Zip(runs))
        {
            output.Text.WriteLine();
            output.Text.WriteLine($"{recipe.Definition.Name} ({results.Count + 1} of {chosen.Length})");
            double? goal = options.SameLoss && results.Count > 0 ? results[0].BitsPerByte : null;
            results.Add(run.Run(goal, interrupt));
            ComparisonPage.Write(results, options.Output);
        }

        output.Text.WriteLine();
        output.Text.Write(ComparisonTable.Text(results));
        output.Text.WriteLine($"{Path.Combine(options.Output, ComparisonPage.Name)}: the same with curves");
        output.Text.WriteLine();
        return WriteSample(chosen[^1].Definition, OnnxFolder.In(Path.Combine(options.Output, chosen[^1].Definition.Name)), output, interrupt);
    }

    private static int WriteSample(ModelDescription model, string onnx, ProgramOutput output, CancellationToken interrupt)
    {
        output.Text.WriteLine($"{model.Name}, {OnnxExport.Describe(model.Quantization)}, writes:");
        using var exported = OnnxModel.Open(model.Artifact, onnx);
        var options = new GenerationOptions { MaxTokens = SampleTokens, Sampling = new SamplingOptions { Temperature = 0.8, TopP = 0.95, Seed = model.Training.Seed } };
        return GenerateCommand.Write(output, exported, draft: null, "", exported.LoadTokenizer(), options, interrupt);
    }
}
