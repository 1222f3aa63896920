using System.CommandLine;
using ModelCompiler.ModelDsl;
using System.CommandLine.Parsing;
using ModelCompiler.Runtime.Inference;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>The command line of a model's program. What is null follows the model's declaration.</summary>
internal sealed record RunOptions
{
    public int? Steps { get; init; }

    public string? Data { get; init; }

    public string Device { get; init; } = "cpu";

    public int? Seed { get; init; }

    public required string Output { get; init; }

    public bool Resume { get; init; }

    /// <summary>The checkpoint of the frozen weights under adapters.</summary>
    public string? Base { get; init; }

    /// <summary>If given, the adapters are merged into the frozen weights, which are written to this folder, and nothing is trained.</summary>
    public string? Merge { get; init; }

    /// <summary>If given, the trained model continues this text, or reads it, and nothing is trained.</summary>
    public string? Prompt { get; init; }

    /// <summary>If given, the trained model is written to this folder as transformers reads it, and nothing is trained.</summary>
    public string? Export { get; init; }

    /// <summary>torch or onnx: what continues the prompt.</summary>
    public string Engine { get; init; } = "torch";

    public int Tokens { get; init; }

    public SamplingOptions Sampling { get; init; } = new();
}

/// <summary>The options as <c>System.CommandLine</c> knows them.</summary>
internal sealed class RunCommand : RootCommand
{
    private readonly Option<int?> _steps = new("--steps") { HelpName = "n" };
    private readonly Option<string?> _data = new("--data") { HelpName = "path" };
    private readonly Option<string> _device = new("--device")
    {
        Description = "Where to compute: cpu or cuda.",
        DefaultValueFactory = _ => "cpu",
    };
    private readonly Option<int?> _seed = new("--seed") { HelpName = "n" };
    private readonly Option<string> _output = new("--output") { Description = "Folder of the checkpoints.", HelpName = "folder" };
    private readonly Option<bool> _resume = new("--resume") { Description = "Continue the run whose last checkpoint is in the output folder." };
    private readonly Option<string?> _base = new("--base") { HelpName = "file" };
    private readonly Option<string?> _merge = new("--merge")
    {
        Description = "Merge the trained adapters in the output folder into the frozen weights and write these to a folder, as of the model without adapters.",
        HelpName = "folder",
    };
    private readonly Option<string?> _prompt = new("--prompt")
    {
        HelpName = "text",
    };
    private readonly Option<string?> _export = new("--export")
    {
        Description = "Write the trained model in the output folder to this folder, in Hugging Face's files, instead of training.",
        HelpName = "folder",
    };
    private readonly Option<int> _tokens = new("--tokens")
    {
        Description = "Most tokens to generate.",
        HelpName = "n",
        DefaultValueFactory = _ => 400,
    };
    private readonly Option<double> _temperature = new("--temperature")
    {
        Description = "Divides the logits; 0 takes the most likely token always.",
        HelpName = "t",
        DefaultValueFactory = _ => 0.8,
    };
    private readonly Option<int> _topK = new("--top-k")
    {
        Description = "Choose among the k most likely tokens; 0 for all.",
        HelpName = "k",
        DefaultValueFactory = _ => 0,
    };
    private readonly Option<double> _topP = new("--top-p")
    {
        Description = "Choose among the most likely tokens whose probabilities reach p; 1 for all.",
        HelpName = "p",
        DefaultValueFactory = _ => 0.95,
    };

    private readonly Option<string> _engine = new("--engine")
    {
        Description = "With --prompt: torch, or onnx for the exported model.",
        DefaultValueFactory = _ => "torch",
    };

    public RunCommand(ModelDescription model, Func<RunOptions, int> run, Func<string, string?, QuantizationSpec?, bool, int> export)
        : base($"Trains {model.Name}, a compiled language model of {model.ParameterCount / 1e6:F1} M parameters, and {Use(model)}. "
            + "Exit codes: 0 done, 1 error, 130 interrupted with Ctrl-C, after the checkpoint was written.")
    {
        _steps.Description = $"Optimizer steps of the run. [default: {model.Training.Steps}]";
        _data.Description = $"Training text: a file or folder of .txt, .md, .jsonl or .parquet, or sdk-docs. [default: {model.Training.Source}]";
        _seed.Description = $"Seed of initialization, data order, dropout and sampling. [default: {model.Training.Seed}]";
        _prompt.Description = model.Training.Objective.Kind switch
        {
            ObjectiveKind.Causal => "Continue this text with the trained model in the output folder, instead of training.",
            ObjectiveKind.Classification => "Classify this text with the trained model in the output folder, instead of training.",
            _ => $"Fill in each {SpecialTokens.MaskText} of this text with the trained model in the output folder, instead of training.",
        };
        _output.DefaultValueFactory = _ => Path.Combine("out", model.Name);

        _device.AcceptOnlyFromAmong("cpu", "cuda");
        _engine.AcceptOnlyFromAmong("torch", "onnx");
        Require(_steps, steps => steps is null or > 0, "at least 1");
        Require(_seed, seed => seed is null or >= 0, "at least 0");
        Require(_tokens, tokens => tokens > 0, "at least 1");
        Require(_temperature, temperature => temperature >= 0, "at least 0");
        Require(_topK, k => k >= 0, "at least 0");
        Require(_topP, p => p is > 0 and <= 1, "above 0 and at most 1");

        Option[] sampling = model.Training.Objective.Kind == ObjectiveKind.Causal ? [_tokens, _temperature, _topK, _topP] : [];
        foreach (var option in (Option[])[_steps, _data, _device, _seed, _output, _resume, _prompt, _engine, _export, .. sampling])
            Options.Add(option);
        Subcommands.Add(ExportCommand.Create(model, _output, export));
        if (model.Adapt is { } adapt)
        {
            _base.Description = $"Checkpoint of the frozen weights, of the same model without adapters.{(adapt.From is null ? "" : $" [default: {adapt.From}]")}";
            Options.Add(_base);
            Options.Add(_merge);
        }

        SetAction(result => run(Read(result, model)));
    }

    private static string Use(ModelDescription model) => model.Training.Objective.Kind switch
    {
        ObjectiveKind.Causal => "generates text with it",
        ObjectiveKind.Classification => "classifies texts with it",
        _ => "fills in words with it",
    };

    private RunOptions Read(ParseResult result, ModelDescription model) => new()
    {
        Steps = result.GetValue(_steps),
        Data = result.GetValue(_data),
        Device = result.GetValue(_device)!,
        Seed = result.GetValue(_seed),
        Output = result.GetValue(_output)!,
        Resume = result.GetValue(_resume),
        Base = model.Adapt is null ? null : result.GetValue(_base),
        Merge = model.Adapt is null ? null : result.GetValue(_merge),
        Prompt = result.GetValue(_prompt),
        Export = result.GetValue(_export),
        Engine = result.GetValue(_engine)!,
        Tokens = result.GetValue(_tokens),
        Sampling = new SamplingOptions
        {
            Temperature = result.GetValue(_temperature),
            TopK = result.GetValue(_topK),
            TopP = result.GetValue(_topP),
            Seed = result.GetValue(_seed) ?? model.Training.Seed,
        },
    };

    private static void Require<T>(Option<T> option, Func<T?, bool> holds, string range) =>
        option.Validators.Add(result =>
        {
            if (!holds(result.GetValueOrDefault<T>()))
                result.AddError($"{option.Name} must be {range}.");
        });
}
