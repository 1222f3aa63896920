using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>Lets a trained model continue a text.</summary>
internal sealed class GenerateCommand(ICompiledModel model, RunOptions options, ProgramOutput output)
{
    public int Run(string prompt, CancellationToken interrupt) =>
        Write(prompt, TrainedModel.Load(model, options, output), interrupt);

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
