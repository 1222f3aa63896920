using System.Globalization;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>
/// An exported model on disk: <c>model.onnx</c> with the graph, <c>model.onnx.data</c> with the weights, and the tokenizer's files.
/// The graph's metadata say which declaration and tokenizer it belongs to.
/// </summary>
internal static class OnnxFolder
{
    public const string Graph = "model.onnx", Data = "model.onnx.data";

    public const string SpecHash = "spec_hash", TokenizerHash = "tokenizer_hash", DataBytes = "data_bytes", Name = "name", Quantization = "quantization", Memory = "memory";

    public static string GraphPath(string folder) => Path.Combine(folder, Graph);

    public static string DataPath(string folder) => Path.Combine(folder, Data);

    /// <summary>Writes a whole folder or nothing: into one beside it, which then takes its place.</summary>
    /// <exception cref="OnnxException">The folder holds something else than an exported model.</exception>
    public static void Write(string folder, Action<string> write)
    {
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any() && !File.Exists(GraphPath(target)))
            throw new OnnxException($"'{folder}' holds something else than an exported model. Give the export a folder of its own.");
        var (fresh, old) = ($"{target}.{Guid.NewGuid():N}.tmp", $"{target}.{Guid.NewGuid():N}.old");
        try
        {
            Directory.CreateDirectory(fresh);
            write(fresh);
            if (Directory.Exists(target)) Directory.Move(target, old);
            Directory.Move(fresh, target);
        }
        finally
        {
            if (Directory.Exists(fresh)) Directory.Delete(fresh, recursive: true);
            if (Directory.Exists(old)) Directory.Delete(old, recursive: true);
        }
    }

    /// <summary>Refuses the metadata of another model.</summary>
    /// <param name="folder">The exported model.</param>
    /// <param name="metadata">Of its graph.</param>
    /// <param name="model">The model that it is to be.</param>
    /// <exception cref="OnnxException">With what does not fit.</exception>
    public static void Check(string folder, IReadOnlyDictionary<string, string> metadata, ModelDescription model)
    {
        if (metadata.GetValueOrDefault(SpecHash) != model.SpecHash)
        {
            throw new OnnxException(
                $"'{folder}' was exported from another declaration than {model.Name}'s ({metadata.GetValueOrDefault(Name, "no ModelCompiler model")}). Export it again, or restore that declaration.");
        }
    }

    /// <summary>Refuses a folder whose files are missing.</summary>
    public static void CheckFiles(string folder)
    {
        if (!File.Exists(GraphPath(folder)))
            throw new OnnxException($"There is no exported model in '{folder}': {Graph} is missing. Export one first.");
        if (!File.Exists(DataPath(folder)))
            throw new OnnxException($"The weights of the model in '{folder}' are missing: {Data} lies beside {Graph}. Export it again.");
    }

    /// <summary>Refuses weights that were cut off or replaced.</summary>
    public static void CheckData(string folder, IReadOnlyDictionary<string, string> metadata)
    {
        var bytes = new FileInfo(DataPath(folder)).Length;
        if (metadata.GetValueOrDefault(DataBytes) != bytes.ToString(CultureInfo.InvariantCulture))
        {
            throw new OnnxException(
                $"'{DataPath(folder)}' has {bytes} bytes where the graph beside it expects {metadata.GetValueOrDefault(DataBytes, "none")}: it was cut off or belongs to another export. Export the model again.");
        }
    }
}
