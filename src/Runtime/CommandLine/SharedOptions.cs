using System.CommandLine;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Onnx;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>Options that several commands have. Each command adds those that it reads.</summary>
internal sealed class SharedOptions
{
    public SharedOptions(ModelDescription model)
    {
        Seed = new("--seed") { HelpName = "n", Description = $"Seed of initialization, data order, dropout and sampling. [default: {model.Training.Seed}]" };
        Output = new("--output") { HelpName = "folder", Description = "Folder of the checkpoints.", DefaultValueFactory = _ => Path.Combine("out", model.Name) };
        Data = new("--data") { HelpName = "path", Description = $"Text: a file or folder of .txt, .md, .jsonl or .parquet, or sdk-docs. [default: {model.Training.Source}]" };
        Base = new("--base")
        {
            HelpName = "path",
            Description = $"Checkpoint of the frozen weights, of the same model without adapters, or the folder of an imported one.{(model.Adapt?.From is { } from ? $" [default: {from}]" : "")}",
        };
        Adapters = model.Adapt is null ? [] : [Base];
        Packed = new("--packed")
        {
            Description = model.Artifact.PacksIntegers ? $"Of engine torch: multiplies with the declared {KebabCase.Of(model.Quantization!.Weights.ToString()!)} weights."
                : "Of engine torch on CUDA: multiplies with weights of the pattern 2:4 on sparse tensor cores.",
        };
        Packing = model.Artifact.Packs ? [Packed] : [];
        Generation = new(model, Seed);
        Device.AcceptOnlyFromAmong("cpu", "cuda");
        Engine.AcceptOnlyFromAmong("torch", "onnx");
        Seed.Require(seed => seed is null or >= 0, "at least 0");
        Threads.Require(threads => threads >= 0, "at least 0");
    }

    public Option<int?> Seed { get; }

    public Option<string> Output { get; }

    public Option<string?> Data { get; }

    public Option<string?> Base { get; }

    /// <summary><see cref="Base"/>, in a program for adapters.</summary>
    public IReadOnlyList<Option> Adapters { get; }

    public Option<bool> Packed { get; }

    /// <summary><see cref="Packed"/>, in a program for a model that declares such weights.</summary>
    public IReadOnlyList<Option> Packing { get; }

    public Option<string> Device { get; } = new("--device") { Description = "Where to compute: cpu or cuda.", DefaultValueFactory = _ => "cpu" };

    public Option<string> Engine { get; } = new("--engine")
    {
        Description = "What runs the model: torch, or onnx for the exported one.", DefaultValueFactory = _ => "torch",
    };

    public Option<string?> Onnx { get; } = new("--onnx") { HelpName = "folder", Description = "The exported model. [default: onnx in the output folder]" };

    public Option<bool> Prepack { get; } = new("--prepack") { Description = "Of engine onnx: copies weights in fp32 into the layout that products read fastest, rather than reading them where the file is mapped; slower to open." };

    public Option<int> Threads { get; } = new("--threads") { HelpName = "n", Description = "Threads of an operator; 0 for one a core.", DefaultValueFactory = _ => 0 };

    public GenerationOptionSet Generation { get; }

    /// <summary>The exported model that is to be run, and how; null where it is the trained one in libtorch.</summary>
    public (string Folder, OnnxOptions Options)? Exported(ParseResult result) => result.GetValue(Engine) == "onnx"
        ? (result.GetValue(Onnx) ?? OnnxFolder.In(result.GetValue(Output)!), new() { Device = result.GetValue(Device)!, Threads = result.GetValue(Threads), Prepack = result.GetValue(Prepack) })
        : null;

    /// <summary>Those of commands that run a trained model in either engine.</summary>
    public IEnumerable<Option> Running => [Output, Engine, Onnx, Prepack, Device, Threads, .. Adapters, .. Packing];
}

internal static class OptionRules
{
    /// <summary>Refuses values that do not hold.</summary>
    public static void Require<T>(this Option<T> option, Func<T?, bool> holds, string range) => option.Validators.Add(result =>
    {
        if (!holds(result.GetValueOrDefault<T>())) result.AddError($"{option.Name} must be {range}.");
    });

    /// <summary>Adds options and what the command does.</summary>
    public static Command With(this Command command, IEnumerable<Option> options, Func<ParseResult, int> run)
    {
        foreach (var option in options) command.Options.Add(option);
        command.SetAction(run);
        return command;
    }
}
