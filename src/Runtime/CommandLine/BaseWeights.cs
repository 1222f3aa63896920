using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Tokenizers;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>Finds the frozen weights under adapters, and the tokenizer that they were trained with.</summary>
internal static class BaseWeights
{
    /// <summary>Reads them into the model; does nothing for one without adapters.</summary>
    /// <param name="model">The model.</param>
    /// <param name="given">The checkpoint that the command line names, if any.</param>
    /// <param name="run">The run of the adapters, if there is one: its frozen weights must be the same.</param>
    /// <returns>The file or folder; null for a model without adapters.</returns>
    /// <exception cref="CheckpointException">None is named, or it is not the run's.</exception>
    public static BaseCheckpoint? Load(ICompiledModel model, string? given, RunState? run)
    {
        if (model.Description.Adapt is not { } adapt) return null;
        var path = given ?? run?.Base?.Path ?? adapt.From
            ?? throw new CheckpointException($"{model.Description.Name} trains adapters on frozen weights. Name their checkpoint with --base, or in the declaration: efficiency.adapt.from.");
        var loaded = Adapters.LoadBase(model, path);
        if (run?.Base is { Digest.Length: > 0 } expected && loaded.Digest != expected.Digest)
            throw new CheckpointException($"'{path}' is not the checkpoint that the adapters were trained on: its content is another. Give that one with --base.");
        return loaded;
    }

    /// <summary>The tokenizer beside a checkpoint or in a folder; null where there is none.</summary>
    public static ITextTokenizer? Tokenizer(string checkpoint)
    {
        var folder = Directory.Exists(checkpoint) ? checkpoint : Path.GetDirectoryName(Path.GetFullPath(checkpoint))!;
        return TextTokenizer.IsIn(folder) ? TextTokenizer.Load(folder) : null;
    }
}
