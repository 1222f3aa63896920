using ModelCompiler.Runtime.Checkpoints;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// A model in a safetensors file: fp32 parameters by name and the run's state in the metadata; in the file of a run that is
/// to be continued also the state of each of its parts, by the part's name.
/// </summary>
public static class ModelCheckpoint
{
    /// <summary>Writes a checkpoint, whole or not at all.</summary>
    /// <param name="path">The file.</param>
    /// <param name="model">Its parameters are written.</param>
    /// <param name="state">Where the run stands.</param>
    /// <param name="parts">Their state is written too.</param>
    public static void Save(string path, ICompiledModel model, RunState state, params IReadOnlyList<ICheckpointPart> parts) =>
        Table(model, parts).Save(path, state.ToMetadata());

    /// <summary>The state of the run that wrote a checkpoint.</summary>
    /// <exception cref="CheckpointException">The file is missing, damaged, or not of a run.</exception>
    public static RunState ReadState(string path)
    {
        using var reader = SafetensorsReader.Open(path, verify: false);
        return RunState.FromMetadata(reader.Metadata, path);
    }

    /// <summary>Reads a checkpoint into a model, and into the parts of a run that is to be continued.</summary>
    /// <exception cref="CheckpointException">The file is damaged, of another model, or of a run with other parts; nothing was changed then.</exception>
    public static RunState Load(string path, ICompiledModel model, params IReadOnlyList<ICheckpointPart> parts)
    {
        using var reader = SafetensorsReader.Open(path);
        var state = RunState.FromMetadata(reader.Metadata, path);
        if (state.SpecHash != model.Description.SpecHash)
        {
            throw new CheckpointException(
                $"'{path}' was written by another declaration than {model.Description.Name}'s. Restore that declaration, or choose another --output.");
        }

        Table(model, parts).Load(reader, path, whole: parts.Count > 0);
        model.Parameters.CastCompute();
        foreach (var part in parts)
            part.Restored();
        return state;
    }

    private static CheckpointTable Table(ICompiledModel model, IReadOnlyList<ICheckpointPart> parts)
    {
        var table = new CheckpointTable(model.Description.Parameters);
        table.Parameters("", model.Parameters.Master);
        foreach (var part in parts)
            table.Add(part);
        return table;
    }
}
