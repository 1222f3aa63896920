using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.HuggingFace;
using ModelCompiler.Runtime.Tokenizers;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>The model in a run's folder.</summary>
internal static class TrainedModel
{
    /// <summary>Loads the parameters of the lowest validation, or the newest, or imported ones, into a model.</summary>
    /// <param name="model">Its parameters are written.</param>
    /// <param name="folder">The run's folder.</param>
    /// <param name="report">Is told of each checkpoint that is refused, with the reason.</param>
    /// <param name="given">The checkpoint of the frozen weights under adapters, where it is not the run's.</param>
    /// <returns>The text that it was trained on, null for imported parameters; and its tokenizer.</returns>
    /// <exception cref="CheckpointException">There is none, or it does not fit.</exception>
    public static (string? Source, ITextTokenizer Tokenizer) Load(ICompiledModel model, string folder, Action<string> report, string? given = null)
    {
        if (model.Description.Adapt is null && RunFolder.LastPath(folder) is null && RunFolder.LowestPath(folder) is null && PretrainedModel.Exists(folder))
        {
            PretrainedModel.Load(folder, model);
            return (null, TextTokenizer.Load(folder));
        }

        var path = Checkpoint(folder, model.Description, report);
        var state = ModelCheckpoint.Load(path, model);
        BaseWeights.Load(model, given, state);
        var tokenizer = TextTokenizer.Load(folder);
        return tokenizer.Hash == state.TokenizerHash
            ? (state.Source, tokenizer)
            : throw new CheckpointException($"The tokenizer in '{folder}' is not the one that '{path}' was trained with. Restore it, or train again.");
    }

    /// <summary>The checkpoint of the lowest validation, or the newest that can be used.</summary>
    /// <exception cref="CheckpointException">There is none.</exception>
    public static string Checkpoint(string folder, ModelDescription model, Action<string> report)
    {
        if (RunFolder.LowestPath(folder) is { } lowest) return lowest;
        if (RunFolder.LastPath(folder) is null)
            throw new CheckpointException($"There is no trained model in '{folder}'. Train one first, with the command train, or give its folder with --output.");
        return RunFolder.CheckpointPath(folder, RunFolder.Newest(folder, model, report).Step);
    }
}
