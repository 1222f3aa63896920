using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.CommandLine;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Training;
using ModelCompiler.Runtime.Training.Feeds;
using TorchSharp;

namespace ModelCompiler.Runtime.Comparison;

/// <summary>Trains a recipe, exports it and measures both.</summary>
/// <param name="recipe">The recipe.</param>
/// <param name="folder">The run's folder; that of a teacher or of a model that judges samples lies beside it.</param>
/// <param name="options">What all recipes have in common.</param>
/// <param name="output">Where it writes.</param>
internal sealed class RecipeRun(Recipe recipe, string folder, ComparisonOptions options, ProgramOutput output)
{
    private const int PromptTokens = 16, DecodedTokens = 64, Rounds = 5;

    private readonly ModelDescription _model = recipe.Definition;

    /// <summary>Says before anything is trained what would end the comparison after it.</summary>
    /// <exception cref="ArgumentException">The recipe cannot be measured.</exception>
    public void Check()
    {
        if (_model.Pruning?.LastRemoval(_model.Training.Steps) is { } last && options.Steps < last)
            throw new ArgumentException($"{_model.Name} is pruned until step {last}, and --steps {options.Steps} would leave it denser than declared. Give at least {last}, or leave out --steps.");
        try
        {
            using var model = recipe.Create(torch.CPU, _model.Training.Seed);
            OnnxExport.Check(model);
        }
        catch (NotSupportedException e)
        {
            throw new ArgumentException($"{_model.Name} cannot be compared: {e.Message}", e);
        }
    }

    /// <param name="goal">Bits per byte at which training ends; null for its last step.</param>
    /// <param name="interrupt">Ends training.</param>
    public RecipeResult Run(double? goal, CancellationToken interrupt)
    {
        var settings = _model.Training with { Source = options.Data ?? _model.Training.Source };
        using var model = recipe.Create(torch.CPU, options.Seed ?? settings.Seed);
        var tokenizer = StartingWeights.Load(model, folder, given: null, previous: null, output.Text.WriteLine).Tokenizer;
        using var data = Dataset.Open(settings, _model.Vocabulary, tokenizer, report: output.Text.WriteLine, cancellation: interrupt);
        if (new ValidationBatches(_model, data).Count == 0)
            throw new DataException($"{_model.Name} cannot be compared: nothing of '{settings.Source}' is held out to measure it on. Set training.data.validation above 0.");
        var start = RunState.Begin(_model, settings, data, options.Seed, options.Steps);
        using var reached = CancellationTokenSource.CreateLinkedTokenSource(interrupt);
        CurveRecorder curve = null!;
        var state = output.Train(shown =>
        {
            curve = new CurveRecorder(_model, shown, reached.Cancel, goal);
            return new Trainer(model, data, start, folder).Run(curve, reached.Token);
        });
        interrupt.ThrowIfCancellationRequested();
        var lowest = RunFolder.LowestPath(folder) ?? throw new CheckpointException(
            $"{_model.Name} cannot be compared: in {state.Step} steps it had no validation with a finite loss{(_model.Pruning is null ? "" : " after its last removal")}. Give it more with --steps, or another declaration.");
        var best = ModelCheckpoint.Load(lowest, model).Best ?? state.Best!.Value;

        var onnx = OnnxFolder.In(folder);
        using var smaller = model.RemovePruned();
        var artifact = smaller ?? model;
        var verified = OnnxExport.WriteVerified(artifact, onnx, _model.Quantization, data, _model.OpsetOnly, new ExportWatch(output.Follow, interrupt));
        return new RecipeResult
        {
            Name = _model.Name,
            Curve = curve.Points,
            Steps = state.Step,
            Seconds = curve.Seconds,
            Flops = curve.Flops,
            Memory = _model.Memory!.Total,
            Parameters = _model.Artifact.ParameterCount,
            Artifact = OnnxFolder.Size(onnx),
            Quantization = OnnxExport.Describe(_model.Quantization),
            Decode = TokensPerSecond(onnx, interrupt),
            BitsPerByte = best.BitsPerByte,
            ExportLoss = (verified.Exported.Loss / verified.Original.Loss) - 1,
        };
    }

    private double TokensPerSecond(string onnx, CancellationToken interrupt)
    {
        using var exported = OnnxModel.Open(_model.Artifact, onnx, new() { Prepack = true }); // the dense model at its fastest
        using var program = exported.CreateInference();
        var prompt = Math.Min(PromptTokens, _model.Context / 2);
        return InferenceSpeed.Measure(program, prompt, Math.Min(DecodedTokens, _model.Context - prompt), Rounds, output, interrupt).TokensPerSecond;
    }
}
