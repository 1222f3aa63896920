using System.CommandLine;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Inference.Packed;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Tokenizers;
using TorchSharp;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>A trained model in the engine that the command line asks for.</summary>
/// <param name="Model">Its weights.</param>
/// <param name="Tokenizer">The one that it was trained with.</param>
/// <param name="Folder">Where its files are.</param>
/// <param name="Source">The text that it was trained on, where that is known.</param>
internal sealed record LoadedModel(ILanguageModel Model, ITextTokenizer Tokenizer, string Folder, string? Source) : IDisposable
{
    public static LoadedModel Open(ProgramContext program, ParseResult result, SharedOptions options)
    {
        if (options.Exported(result) is var (folder, onnx))
        {
            var exported = OnnxModel.Open(program.Model.Artifact, folder, onnx);
            try
            {
                return new(exported, exported.LoadTokenizer(), folder, null);
            }
            catch
            {
                exported.Dispose();
                throw;
            }
        }

        var (model, tokenizer, source) = Compiled(program, result, options);
        try
        {
            ILanguageModel ready = options.Packing.Count > 0 && result.GetValue(options.Packed) ? Pack(program, model, tokenizer, source) : model;
            return new(ready, tokenizer, result.GetValue(options.Output)!, source);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The trained model in libtorch: what pruning has left of it, where it removes parts.</summary>
    /// <returns>The model, its tokenizer, and the text that it was trained on, where that is known.</returns>
    public static (ICompiledModel Model, ITextTokenizer Tokenizer, string? Source) Compiled(ProgramContext program, ParseResult result, SharedOptions options)
    {
        if (result.GetValue(options.Threads) is > 0 and var threads) torch.set_num_threads(threads);
        var model = program.Create(result.GetValue(options.Device)!);
        try
        {
            var given = program.Model.Adapt is null ? null : result.GetValue(options.Base);
            var (source, tokenizer) = TrainedModel.Load(model, result.GetValue(options.Output)!, program.Output.Error.WriteLine, given);
            if (model.RemovePruned() is not { } smaller) return (model, tokenizer, source);
            model.Dispose();
            return (smaller, tokenizer, source);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    public void Dispose() => Model.Dispose();

    /// <summary>Packs the weights, with calibration text where their rounding asks for it, and says which stay as they are.</summary>
    private static PackedModel Pack(ProgramContext program, ICompiledModel model, ITextTokenizer tokenizer, string? source)
    {
        var description = model.Description;
        int[][] calibration = [];
        if (description.PacksIntegers && Quantizer.NeedsText(description.Quantization!))
        {
            using var data = Dataset.Open(
                description.Training with { Source = source ?? description.Training.Source }, description.Vocabulary, tokenizer,
                report: program.Output.Text.WriteLine, cancellation: program.Interrupt);
            calibration = Calibration.Windows(data, description);
        }

        var packed = PackedModel.Of(model, calibration);
        foreach (var kept in packed.Weights.Kept.GroupBy(layer => layer.Value, layer => layer.Key))
            program.Output.Error.WriteLine($"Weights stay as they are in {FewNames.Text([.. kept])}: {kept.Key}.");
        return packed;
    }
}
