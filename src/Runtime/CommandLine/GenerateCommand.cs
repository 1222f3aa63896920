using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Tokenizers;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>Lets a trained model continue a text.</summary>
internal sealed class GenerateCommand(ICompiledModel model, RunOptions options, ProgramOutput output)
{
    public int Run(string prompt, CancellationToken interrupt)
    {
        var lowest = RunFolder.LowestPath(options.Output);
        if (lowest is null && RunFolder.LastPath(options.Output) is null)
            throw new CheckpointException($"There is no trained model in '{options.Output}'. Train one first, by running without --prompt, or give its folder with --output.");
        var path = lowest
            ?? RunFolder.CheckpointPath(options.Output, RunFolder.Newest(options.Output, model.Description, output.Error.WriteLine).Step);
        var state = ModelCheckpoint.Load(path, model);
        var tokenizer = TextTokenizer.Load(options.Output);
        if (tokenizer.Hash != state.TokenizerHash)
            throw new CheckpointException($"The tokenizer in '{options.Output}' is not the one that '{path}' was trained with. Restore it, or train again.");
        return Write(prompt, tokenizer, interrupt);
    }

    /// <summary>Writes the prompt and its continuation, as it comes.</summary>
    public int Write(string prompt, ITextTokenizer tokenizer, CancellationToken interrupt)
    {
        using var program = model.CreateInference();
        output.Text.Write(prompt);
        foreach (var piece in new TextGenerator(program, tokenizer).Generate(prompt, options.Tokens, new Sampler(options.Sampling)))
        {
            output.Text.Write(piece);
            if (interrupt.IsCancellationRequested)
                break;
        }

        output.Text.WriteLine();
        return interrupt.IsCancellationRequested ? ModelProgram.Interrupted : ModelProgram.Done;
    }
}
