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
    /// <param name="path">The file.</param>
    /// <param name="model">The model that the run is of; any if it is not given.</param>
    /// <exception cref="CheckpointException">The file is missing, damaged, not of a run, or of another model.</exception>
    public static RunState ReadState(string path, ModelDescription? model = null)
    {
        using var reader = SafetensorsReader.Open(path);
        return State(reader, path, model);
    }

    /// <summary>Reads a checkpoint into a model, and into the parts of a run that is to be continued.</summary>
    /// <exception cref="CheckpointException">The file is damaged, of another model, or of a run with other parts; nothing was changed then.</exception>
    public static RunState Load(string path, ICompiledModel model, params IReadOnlyList<ICheckpointPart> parts)
    {
        using var reader = SafetensorsReader.Open(path);
        var state = State(reader, path, model.Description);
        Table(model, parts).Load(reader, path, whole: parts.Count > 0);
        model.Parameters.CastCompute();
        foreach (var part in parts)
            part.Restored();
        return state;
    }

    private static RunState State(SafetensorsReader reader, string path, ModelDescription? model)
    {
        var state = RunState.FromMetadata(reader.Metadata, path);
        if (!reader.HasDigest)
            throw new CheckpointException($"'{path}' has no SHA-256 of its content, which every checkpoint of a run has: it was damaged. Choose another file or folder.");
        if (model is not null && state.SpecHash != model.SpecHash)
        {
            throw new CheckpointException(
                $"'{path}' was written by another declaration than {model.Name}'s. Restore that declaration, or choose another --output.");
        }

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
