using ModelCompiler.Runtime.CommandLine;
using ModelCompiler.Runtime.Data.Tasks;
using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Tokenizers;
using ModelCompiler.Runtime.Training;
using TorchSharp;

namespace Techniques;

/// <summary>Adapts the trained Maml to a few texts, and shows what both models write: docs/meta-learning.md.</summary>
internal static class Adaptation
{
    /// <param name="file">Its first lines are the examples, as many as the model learned to adapt to.</param>
    public static int Run(string file)
    {
        try
        {
            var tokenizer = new ByteTokenizer();
            var examples = TaskExamples.OfTexts([.. File.ReadLines(file).Take(Maml.Definition.Training.Meta!.Support!.Value)], tokenizer, Maml.Definition.Context);
            using var model = Maml.Create(torch.CPU, seed: 1);
            ModelCheckpoint.Load(RunFolder.BestPath("out/Maml"), model);
            using var adapted = model.Adapt(examples, steps: 3);
            foreach (var (name, writer) in new[] { ("before", model), ("adapted", adapted) })
            {
                using var program = writer.CreateInference();
                var options = new GenerationOptions { MaxTokens = 80, Sampling = new() { Temperature = 0 } };
                Console.WriteLine($"{name,-8} {new TextGenerator(program, tokenizer).Generate("The ", options).Text.ReplaceLineEndings(" ")}");
            }

            return ModelProgram.Done;
        }
        catch (Exception e) when (e is IOException or ArgumentException)
        {
            Console.Error.WriteLine($"error: {e.Message}");
            return ModelProgram.Failed;
        }
    }
}
