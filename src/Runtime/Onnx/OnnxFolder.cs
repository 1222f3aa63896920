using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Onnx.Messages;
using ModelCompiler.Runtime.Tokenizers;
using ModelCompiler.Runtime.Tokenizers.Json;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>
/// An exported model on disk: <c>model.onnx</c> with the graph, <c>model.onnx.data</c> with the weights, and the tokenizer's files.
/// The graph's metadata say which declaration and tokenizer it belongs to.
/// </summary>
internal static class OnnxFolder
{
    public const string Graph = "model.onnx", Data = "model.onnx.data";

    public const string SpecHash = "spec_hash", TokenizerHash = "tokenizer_hash", DataBytes = "data_bytes", Digest = "graph_sha256", Name = "name", Quantization = "quantization", Memory = "memory";

    /// <summary>The model's cost: parameters of the exported model, and floating-point operations of a token's forward pass. <see cref="DataBytes"/> are those of its weights.</summary>
    public const string ParameterCount = "parameters", FlopsPerToken = "flops_per_token";

    /// <summary>All that an export may consist of.</summary>
    private static readonly string[] s_files =
    [
        Graph, Data, OnnxVerification.File, GenAi.Graph, GenAi.Config,
        TextTokenizer.ConfigFile, JsonTokenizer.FileName, BytePairModel.VocabularyFile, BytePairModel.MergesFile,
    ];

    /// <summary>Where the export of a run lies, if nothing else is said.</summary>
    public static string In(string run) => Path.Combine(run, "onnx");

    /// <summary>Bytes of the graph and its weights.</summary>
    public static long Size(string folder) => new FileInfo(GraphPath(folder)).Length + new FileInfo(DataPath(folder)).Length;

    public static string GraphPath(string folder) => Path.Combine(folder, Graph);

    public static string DataPath(string folder) => Path.Combine(folder, Data);

    /// <summary>Writes a whole folder or nothing: into one beside it, which then takes its place.</summary>
    /// <exception cref="OnnxException">The folder holds something else than an exported model.</exception>
    public static void Write(string folder, Action<string> write)
    {
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        CheckIsExport(target);
        var fresh = $"{target}.{Guid.NewGuid():N}.tmp";
        try
        {
            Directory.CreateDirectory(fresh);
            write(fresh);
            CheckIsExport(target); // that took a while
            Replace(target, fresh);
        }
        finally
        {
            if (Directory.Exists(fresh)) Directory.Delete(fresh, recursive: true);
        }
    }

    /// <summary>Moves a folder to the place of another, which is deleted once that is done.</summary>
    private static void Replace(string target, string fresh)
    {
        if (!Directory.Exists(target))
        {
            Directory.Move(fresh, target);
            return;
        }

        var old = $"{target}.{Guid.NewGuid():N}.old";
        Directory.Move(target, old);
        try
        {
            Directory.Move(fresh, target);
        }
        catch
        {
            Directory.Move(old, target);
            throw;
        }

        Directory.Delete(old, recursive: true);
    }

    /// <summary>Refuses a folder that holds anything but an exported model, for all that is in it will be deleted.</summary>
    private static void CheckIsExport(string target)
    {
        if (!Directory.Exists(target) || !Directory.EnumerateFileSystemEntries(target).Any()) return;
        if (Directory.EnumerateFileSystemEntries(target).Select(path => Path.GetFileName(path)).FirstOrDefault(name => !s_files.Contains(name)) is { } other)
            throw new OnnxException($"'{target}' holds something else than an exported model: '{other}'. Give the export a folder of its own.");
        if (!File.Exists(GraphPath(target)) || TryMetadata(GraphPath(target)) is null)
            throw new OnnxException($"'{target}' holds no model that this program has exported, or a damaged one. Delete it, or give the export a folder of its own.");
    }

    /// <summary>Writes the graph with a digest of itself, so that one that was damaged is never given to ONNX Runtime.</summary>
    public static void WriteGraph(string path, ModelProto graph)
    {
        var digest = graph.MetadataProps.FirstOrDefault(entry => entry.Key == Digest);
        if (digest is null) graph.MetadataProps.Add(digest = new StringStringEntryProto { Key = Digest });
        digest.Value = s_noDigest;
        digest.Value = Convert.ToHexStringLower(SHA256.HashData(graph.ToByteArray()));
        AtomicFile.Write(path, graph.WriteTo);
    }

    /// <summary>The metadata of an exported model whose files are whole and of the right model.</summary>
    /// <param name="folder">The exported model.</param>
    /// <param name="model">The model that it is to be.</param>
    /// <exception cref="OnnxException">With what does not fit.</exception>
    public static IReadOnlyDictionary<string, string> Read(string folder, ModelDescription model)
    {
        if (!File.Exists(GraphPath(folder)))
            throw new OnnxException($"There is no exported model in '{folder}': {Graph} is missing. Export one first.");
        if (!File.Exists(DataPath(folder)))
            throw new OnnxException($"The weights of the model in '{folder}' are missing: {Data} lies beside {Graph}. Export it again.");
        var metadata = Metadata(GraphPath(folder));
        if (metadata.GetValueOrDefault(SpecHash) != model.SpecHash)
        {
            throw new OnnxException(
                $"'{folder}' was exported from another declaration than {model.Name}'s ({metadata.GetValueOrDefault(Name, "no ModelCompiler model")}). Export it again, or restore that declaration.");
        }

        var bytes = new FileInfo(DataPath(folder)).Length;
        if (metadata.GetValueOrDefault(DataBytes) != bytes.ToString(CultureInfo.InvariantCulture))
        {
            throw new OnnxException(
                $"'{DataPath(folder)}' has {bytes} bytes where the graph beside it expects {metadata.GetValueOrDefault(DataBytes, "none")}: it was cut off or belongs to another export. Export the model again.");
        }

        return metadata;
    }

    /// <summary>The tokenizer beside a model.</summary>
    /// <exception cref="OnnxException">It is not the one that the model was exported with.</exception>
    /// <exception cref="Data.DataException">There is none, or it is damaged.</exception>
    public static ITextTokenizer LoadTokenizer(string folder, IReadOnlyDictionary<string, string> metadata)
    {
        var tokenizer = TextTokenizer.Load(folder);
        return metadata.GetValueOrDefault(TokenizerHash) == tokenizer.Hash
            ? tokenizer
            : throw new OnnxException($"The tokenizer in '{folder}' is not the one that the model there was exported with. Restore it, or export the model again.");
    }

    /// <summary>The metadata of a graph that is as it was written.</summary>
    /// <exception cref="OnnxException">It is not.</exception>
    internal static Dictionary<string, string> Metadata(string path) => TryMetadata(path)
        ?? throw new OnnxException($"'{path}' was damaged, or was not exported by this program. Delete its folder, and export the model again.");

    private static Dictionary<string, string>? TryMetadata(string path)
    {
        var bytes = File.ReadAllBytes(path);

        // The key, then the tag and the length of its value.
        var at = bytes.AsSpan().LastIndexOf(Encoding.ASCII.GetBytes(Digest)) + Digest.Length + 2;
        if (at > Digest.Length + 1 && at + s_noDigest.Length <= bytes.Length)
        {
            var value = bytes.AsSpan(at, s_noDigest.Length);
            var stated = Encoding.ASCII.GetString(value);
            Encoding.ASCII.GetBytes(s_noDigest, value);
            if (stated == Convert.ToHexStringLower(SHA256.HashData(bytes)))
                return ModelProto.Parser.ParseFrom(bytes).MetadataProps.ToDictionary(entry => entry.Key, entry => entry.Value);
        }

        return null;
    }

    private static readonly string s_noDigest = new('0', 64);
}
