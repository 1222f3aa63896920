using System.CommandLine;

namespace ModelCompiler.Runtime.Comparison;

/// <summary>What all recipes of a comparison have in common. What is null follows each model's declaration.</summary>
internal sealed record ComparisonOptions
{
    /// <summary>Names of the recipes besides the first; empty for all.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    public int? Steps { get; init; }

    /// <summary>Whether a recipe's training ends when it is as good as the first has become.</summary>
    public bool SameLoss { get; init; }

    public string? Data { get; init; }

    public int? Seed { get; init; }

    public required string Output { get; init; }
}

/// <summary>The options as <c>System.CommandLine</c> knows them.</summary>
internal sealed class ComparisonCommand : RootCommand
{
    private readonly Argument<string[]> _names = new("model") { Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<int?> _steps = new("--steps") { HelpName = "n", Description = "Optimizer steps of each. [default: as each declares]" };
    private readonly Option<bool> _sameLoss = new("--same-loss") { Description = "Each ends when it is as good as the first has become, at its declared steps at the latest." };
    private readonly Option<string?> _data = new("--data") { HelpName = "path", Description = "Training text of all. [default: as each declares]" };
    private readonly Option<int?> _seed = new("--seed") { HelpName = "n", Description = "Seed of all. [default: as each declares]" };
    private readonly Option<string> _output = new("--output") { HelpName = "folder", Description = "Where compare.html goes, and each run into a folder of its model's name.", DefaultValueFactory = _ => "out" };

    public ComparisonCommand(IReadOnlyList<Recipe> recipes, Func<ComparisonOptions, int> compare)
        : base("Trains models one after the other on the same text, exports them, and says what each costs and how good it is, beside the first.")
    {
        string[] known = [.. recipes.Select(recipe => recipe.Definition.Name)];
        _names.Description = $"Which of {string.Join(", ", known)}, the first always. [default: all]";
        _names.AcceptOnlyFromAmong(known);
        _steps.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1) result.AddError("--steps must be at least 1.");
        });
        Arguments.Add(_names);
        foreach (var option in (Option[])[_steps, _sameLoss, _data, _seed, _output]) Options.Add(option);
        SetAction(result => compare(new ComparisonOptions
        {
            Names = result.GetValue(_names) ?? [],
            Steps = result.GetValue(_steps),
            SameLoss = result.GetValue(_sameLoss),
            Data = result.GetValue(_data),
            Seed = result.GetValue(_seed),
            Output = result.GetValue(_output)!,
        }));
    }
}
