using System.CommandLine;
using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Tokenizers;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>The declared draft model of a program, trained by a program of its own.</summary>
internal static class DraftModel
{
    /// <summary>Null for a model that declares none.</summary>
    public static Option<string?>? Option(ModelDescription model) => model.Draft is null ? null : new("--draft")
    {
        HelpName = "folder",
        Description = $"Run of {model.Draft.Model.Name}, which proposes tokens; 'none' generates without. [default: the folder of its name beside the output folder]",
    };

    /// <summary>The options with the declared number of proposals.</summary>
    public static GenerationOptions Limit(ModelDescription model, GenerationOptions options) => model.Draft is { } draft ? options with { DraftTokens = draft.Tokens } : options;

    /// <summary>The draft model with its trained weights; null where it is not wanted.</summary>
    /// <param name="program">The model that it proposes to.</param>
    /// <param name="given">The folder that the command line names.</param>
    /// <param name="output">The folder of the model's run.</param>
    /// <param name="tokenizer">The model's.</param>
    /// <exception cref="CheckpointException">It is not trained, or with another tokenizer.</exception>
    public static ICompiledModel? Open(ProgramContext program, string? given, string output, ITextTokenizer tokenizer)
    {
        if (program.Model.Draft is not { } draft || given == "none") return null;
        var folder = given ?? RunFolder.Beside(output, draft.Model.Name);
        var model = draft.Create(TorchSharp.torch.CPU);
        try
        {
            var (_, other) = TrainedModel.Load(model, folder, program.Output.Error.WriteLine);
            return other.Hash == tokenizer.Hash
                ? model
                : throw new CheckpointException($"{draft.Model.Name} in '{folder}' has another tokenizer than {program.Model.Name}. Train it with the same one, or generate without it: --draft none.");
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }
}
