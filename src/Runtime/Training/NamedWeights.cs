using ModelCompiler.Runtime.Checkpoints;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training;

/// <summary>Weights by their names and shapes in a safetensors file of fp32, bf16 or fp16, whichever declaration wrote it; what else it holds is left.</summary>
internal static class NamedWeights
{
    /// <param name="reader">The file.</param>
    /// <param name="path">Its path.</param>
    /// <param name="model">Whose weights they are to be.</param>
    /// <param name="into">Its parameters.</param>
    /// <param name="without">What the model that the file is of does not declare.</param>
    /// <exception cref="CheckpointException">The file lacks a weight or has it in another shape; nothing was changed then.</exception>
    public static unsafe void Read(SafetensorsReader reader, string path, string model, ParameterStore into, string without)
    {
        foreach (var info in into.Layout)
        {
            if (!reader.Contains(info.Name))
                throw new CheckpointException($"'{path}' has no '{info.Name}', which {model} is built on. Give a checkpoint of the same model without {without}.");
            var entry = reader[info.Name];
            if (!entry.Shape.AsSpan().SequenceEqual(info.Shape) || !Widening.Takes(entry.Type))
                throw new CheckpointException($"'{path}' has {entry} where {model} is built on [{string.Join(", ", info.Shape)}]. Give a checkpoint of the same model without {without}.");
        }

        foreach (var (info, (_, parameter)) in into.Layout.Zip(into.Parameters()))
        {
            using var values = empty(info.Shape);
            Widening.Copy(reader.Stream(info.Name), 0, (float*)Implementations.Cpu.Pointer(values), info.Length);
            parameter.copy_(values);
        }

        into.CastCompute();
    }
}
