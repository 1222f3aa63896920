using System.CommandLine;
using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>Lets a trained model continue a text.</summary>
internal static class GenerateCommand
{
    public static Command Create(ProgramContext program, SharedOptions options)
    {
        var prompt = new Argument<string>("prompt") { Description = "The beginning; if empty, a new document is begun.", DefaultValueFactory = _ => "" };
        return new Command("generate", "Continues a text with the trained model in the output folder.") { prompt }.With(
            [.. options.Running, options.Seed, .. options.Generation.All],
            result =>
            {
                using var loaded = LoadedModel.Open(program, result, options);
                return Write(program.Output, loaded.Model, result.GetValue(prompt)!, loaded.Tokenizer, options.Generation.Read(result), program.Interrupt);
            });
    }

    /// <summary>Writes the prompt and its continuation, as it comes.</summary>
    public static int Write(
        ProgramOutput output, ILanguageModel model, string prompt, ITextTokenizer tokenizer, GenerationOptions options, CancellationToken interrupt)
    {
        using var program = model.CreateInference();
        output.Text.Write(prompt);
        try
        {
            new TextGenerator(program, tokenizer).Generate(prompt, options, output.Text.Write, interrupt);
            return ModelProgram.Done;
        }
        catch (OperationCanceledException)
        {
            return ModelProgram.Interrupted;
        }
        finally
        {
            output.Text.WriteLine();
        }
    }
}
