using System.CommandLine;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Inference;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>How to train. What is null follows the model's declaration.</summary>
internal sealed record TrainOptions
{
    public int? Steps { get; init; }

    public string? Data { get; init; }

    public string Device { get; init; } = "cpu";

    public int? Seed { get; init; }

    public required string Output { get; init; }

    public bool Resume { get; init; }

    /// <summary>The checkpoint of the frozen weights under adapters.</summary>
    public string? Base { get; init; }

    /// <summary>How the paragraph at the end is written.</summary>
    public GenerationOptions Sample { get; init; } = new();
}

/// <summary>The same as options of a command line.</summary>
internal sealed class TrainOptionSet
{
    private readonly ModelDescription _model;
    private readonly SharedOptions _options;
    private readonly Option<bool> _resume = new("--resume") { Description = "Continue the run whose last checkpoint is in the output folder." };
    private readonly Option<int?> _steps;

    public TrainOptionSet(ModelDescription model, SharedOptions options)
    {
        (_model, _options) = (model, options);
        _steps = new("--steps") { HelpName = "n", Description = $"Optimizer steps of the run. [default: {model.Training.Steps}]" };
        _steps.Require(steps => steps is null or > 0, "at least 1");
    }

    /// <summary>A causal model writes a paragraph at the end.</summary>
    public IEnumerable<Option> All =>
    [
        _steps, _options.Data, _options.Device, _options.Seed, _options.Output, _resume, .. _options.Adapters,
        .. Writes ? _options.Generation.All : [],
    ];

    private bool Writes => _model.Training.Objective.Kind == ObjectiveKind.Causal;

    public TrainOptions Read(ParseResult result) => new()
    {
        Steps = result.GetValue(_steps),
        Data = result.GetValue(_options.Data),
        Device = result.GetValue(_options.Device)!,
        Seed = result.GetValue(_options.Seed),
        Output = result.GetValue(_options.Output)!,
        Resume = result.GetValue(_resume),
        Base = _model.Adapt is null ? null : result.GetValue(_options.Base),
        Sample = Writes ? _options.Generation.Read(result) : new(),
    };
}
