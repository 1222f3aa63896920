using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.HuggingFace;
using ModelCompiler.Runtime.Tokenizers;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>The weights that a run starts from where they are not random: under adapters, of a dense model that is to be pruned, or imported.</summary>
/// <param name="Base">The frozen weights under adapters; null for a model without.</param>
/// <param name="Tokenizer">The one that the weights were trained with; null where the declared one is to be used.</param>
internal sealed record StartingWeights(BaseCheckpoint? Base, ITextTokenizer? Tokenizer)
{
    /// <summary>Reads them into the model, as its declaration says, but for a run that is resumed, whose checkpoint has all but the frozen ones.</summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">The run's folder, where imported weights are.</param>
    /// <param name="given">The checkpoint of frozen weights that the command line names, if any.</param>
    /// <param name="previous">The run that is resumed; null for a new one.</param>
    /// <param name="report">Is told where weights come from.</param>
    /// <exception cref="CheckpointException">A declared checkpoint is missing, or does not fit.</exception>
    public static StartingWeights Load(ICompiledModel model, string folder, string? given, RunState? previous, Action<string> report)
    {
        var frozen = BaseWeights.Load(model, given, previous);
        if (previous is not null) return new(frozen, TextTokenizer.Load(folder));
        var dense = model.Description.Pruning?.From;
        if (dense is not null)
        {
            using var reader = SafetensorsReader.Open(dense);
            NamedWeights.Read(reader, dense, model.Description.Name, model.Parameters, without: "pruning");
            report($"starting from the weights in {dense}");
        }
        else if (frozen is null && PretrainedModel.Exists(folder))
        {
            PretrainedModel.Load(folder, model);
            report($"starting from the imported weights in {folder}");
        }

        return new(frozen, (frozen?.Path ?? dense) is { } checkpoint ? BaseWeights.Tokenizer(checkpoint) : null);
    }
}
