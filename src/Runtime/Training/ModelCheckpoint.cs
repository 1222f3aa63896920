using System.Runtime.InteropServices;
using ModelCompiler.Runtime.Checkpoints;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// A model in a safetensors file: fp32 parameters by name and the run's state in the metadata; in the file of a run that is
/// to be continued also the optimizer's state, as <c>optimizer.exp_avg.&lt;parameter&gt;</c> and so on.
/// </summary>
public static class ModelCheckpoint
{
    /// <summary>Writes a checkpoint, whole or not at all.</summary>
    /// <param name="path">The file.</param>
    /// <param name="model">Its parameters are written.</param>
    /// <param name="state">Where the run stands.</param>
    /// <param name="program">Its optimizer state is written too, if given.</param>
    public static void Save(string path, ICompiledModel model, RunState state, ITrainingProgram? program = null)
    {
        var tensors = Buffers(model, program).SelectMany(buffer => model.Description.Parameters.Select(parameter =>
            new CheckpointTensor(buffer.Prefix + parameter.Name, DType.F32, parameter.Shape, stream => Write(buffer.Values, parameter, stream))));
        SafetensorsWriter.Write(path, [.. tensors], state.ToMetadata());
    }

    /// <summary>The state of the run that wrote a checkpoint.</summary>
    /// <exception cref="CheckpointException">The file is missing, damaged, or not of a run.</exception>
    public static RunState ReadState(string path)
    {
        using var reader = SafetensorsReader.Open(path, verify: false);
        return RunState.FromMetadata(reader.Metadata, path);
    }

    /// <summary>Reads a checkpoint into a model, and into a program that is to continue the run.</summary>
    /// <exception cref="CheckpointException">The file is damaged, or of another model; nothing was changed then.</exception>
    public static RunState Load(string path, ICompiledModel model, ITrainingProgram? program = null)
    {
        using var reader = SafetensorsReader.Open(path);
        var state = RunState.FromMetadata(reader.Metadata, path);
        if (state.SpecHash != model.Description.SpecHash)
        {
            throw new CheckpointException(
                $"'{path}' was written by another declaration than {model.Description.Name}'s. Restore that declaration, or choose another --output.");
        }

        var places = Buffers(model, program)
            .SelectMany(buffer => model.Description.Parameters.Select(parameter => (buffer.Values, Parameter: parameter, Name: buffer.Prefix + parameter.Name)))
            .ToArray();
        foreach (var place in places)
            Check(reader[place.Name], place.Parameter, path);
        foreach (var place in places)
            Read(reader, place.Name, place.Values, place.Parameter);

        model.Parameters.CastCompute();
        if (program is not null)
            program.StepNumber = state.Step;
        return state;
    }

    private static IEnumerable<(string Prefix, Tensor Values)> Buffers(ICompiledModel model, ITrainingProgram? program)
    {
        yield return ("", model.Parameters.Master);
        foreach (var (name, values) in program?.OptimizerState ?? new Dictionary<string, Tensor>())
            yield return ($"optimizer.{name}.", values);
    }

    private static void Write(Tensor buffer, ParameterInfo parameter, Stream stream)
    {
        using var values = buffer.narrow(0, parameter.Offset, parameter.Length);
        using var host = values.cpu();
        stream.Write(host.bytes);
    }

    private static void Check(TensorEntry entry, ParameterInfo parameter, string path)
    {
        if (entry.Type != DType.F32 || !entry.Shape.AsSpan().SequenceEqual(parameter.Shape))
            throw new CheckpointException($"'{path}' has {entry} where the model has F32 [{string.Join(", ", parameter.Shape)}].");
    }

    private static void Read(SafetensorsReader reader, string name, Tensor buffer, ParameterInfo parameter)
    {
        using var values = buffer.narrow(0, parameter.Offset, parameter.Length);
        using var host = values.cpu(); // the values themselves where they are on the CPU
        reader.Bytes(name).CopyTo(host.bytes);
        if (!ReferenceEquals(host, values))
            values.copy_(host);
    }
}
