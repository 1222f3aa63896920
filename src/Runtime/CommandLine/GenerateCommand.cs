using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>Lets a trained model continue a text.</summary>
internal sealed class GenerateCommand(ICompiledModel model, RunOptions options, ProgramOutput output)
{
    public int Run(string prompt, CancellationToken interrupt)
    {
        if (options.Engine == "onnx")
        {
            var folder = Path.Combine(options.Output, "onnx");
            using var exported = OnnxEngine.Open(model.Description, folder);
            return Write(exported, prompt, TextTokenizer.Load(folder), interrupt);
        }

        var (_, tokenizer) = TrainedModel.Load(model, options.Output, output.Error.WriteLine, options.Base);
        using var program = model.CreateInference();
        return Write(program, prompt, tokenizer, interrupt);
    }

    /// <summary>Writes the prompt and its continuation, as it comes.</summary>
    public int Write(IInferenceProgram program, string prompt, ITextTokenizer tokenizer, CancellationToken interrupt)
    {
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
