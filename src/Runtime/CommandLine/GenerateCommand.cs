using System.CommandLine;
using System.Globalization;
using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>Lets a trained model continue a text.</summary>
internal static class GenerateCommand
{
    public static Command Create(ProgramContext program, SharedOptions options)
    {
        var prompt = new Argument<string>("prompt") { Description = "The beginning; if empty, a new document is begun.", DefaultValueFactory = _ => "" };
        var draft = DraftModel.Option(program.Model);
        return new Command("generate", "Continues a text with the trained model in the output folder.") { prompt }.With(
            [.. options.Running, .. draft is null ? Array.Empty<Option>() : [draft], options.Seed, .. options.Generation.All],
            result =>
            {
                using var loaded = LoadedModel.Open(program, result, options);
                using var proposing = draft is null ? null : DraftModel.Open(program, result.GetValue(draft), result.GetValue(options.Output)!, loaded.Tokenizer);
                return Write(program.Output, loaded.Model, proposing, result.GetValue(prompt)!, loaded.Tokenizer, options.Generation.Read(result), program.Interrupt);
            });
    }

    /// <summary>Writes the prompt and its continuation, as it comes.</summary>
    public static int Write(
        ProgramOutput output, ILanguageModel model, ILanguageModel? draft, string prompt, ITextTokenizer tokenizer, GenerationOptions options, CancellationToken interrupt)
    {
        using var program = model.CreateInference();
        using var proposing = draft?.CreateInference();
        output.Text.Write(prompt);
        try
        {
            var result = new TextGenerator(program, tokenizer, proposing).Generate(prompt, DraftModel.Limit(model.Description, options), output.Text.Write, interrupt);
            if (draft is not null)
                output.Text.Write(string.Create(CultureInfo.InvariantCulture, $"\n{draft.Description.Name} proposed {result.Drafted} tokens, of which {result.Accepted} were accepted"));
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
