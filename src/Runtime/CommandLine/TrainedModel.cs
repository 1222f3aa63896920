using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.HuggingFace;
using ModelCompiler.Runtime.Tokenizers;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>The model in a run's folder.</summary>
internal static class TrainedModel
{
    /// <summary>Loads the parameters of the lowest validation, or the newest, or imported ones, and gives their tokenizer.</summary>
    /// <exception cref="CheckpointException">There is none, or it does not fit.</exception>
    public static ITextTokenizer Load(ICompiledModel model, RunOptions options, ProgramOutput output)
    {
        var lowest = RunFolder.LowestPath(options.Output);
        if (lowest is null && RunFolder.LastPath(options.Output) is null)
        {
            if (!PretrainedModel.Exists(options.Output))
                throw new CheckpointException($"There is no trained model in '{options.Output}'. Train one first, by running without --prompt, or give its folder with --output.");
            PretrainedModel.Load(options.Output, model);
            return TextTokenizer.Load(options.Output);
        }

        var path = lowest
            ?? RunFolder.CheckpointPath(options.Output, RunFolder.Newest(options.Output, model.Description, output.Error.WriteLine).Step);
        var state = ModelCheckpoint.Load(path, model);
        var tokenizer = TextTokenizer.Load(options.Output);
        return tokenizer.Hash == state.TokenizerHash
            ? tokenizer
            : throw new CheckpointException($"The tokenizer in '{options.Output}' is not the one that '{path}' was trained with. Restore it, or train again.");
    }
}
