using System.CommandLine;
using ModelCompiler.Runtime.HuggingFace;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>Writes a trained model in Hugging Face's files.</summary>
internal static class PublishCommand
{
    public static Command Create(ProgramContext program, SharedOptions options)
    {
        var folder = new Argument<string>("folder") { Description = "Where to write; made if it does not exist." };
        return new Command("publish", "Writes the trained model in the output folder in Hugging Face's files: configuration, safetensors, tokenizer.") { folder }.With(
            [options.Output],
            result =>
            {
                using var model = program.Create("cpu");
                if (program.Model.Adapt is not null)
                    return program.Output.Fail($"{program.Model.Name} is adapters on frozen weights. Merge them with 'merge', and publish the model that these are from.");
                var tokenizer = TrainedModel.Load(model, result.GetValue(options.Output)!, program.Output.Error.WriteLine).Tokenizer;
                using var smaller = model.RemovePruned();
                PretrainedModel.Export(smaller ?? model, tokenizer, result.GetValue(folder)!);
                program.Output.Text.WriteLine($"{program.Model.Name}: written to {result.GetValue(folder)}");
                return ModelProgram.Done;
            });
    }
}
