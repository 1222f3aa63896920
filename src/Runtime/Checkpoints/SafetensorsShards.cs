using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Checkpoints;

/// <summary>Writes the weights of a folder as <see cref="SafetensorsFolder"/> reads them: in one file, or in several with an index.</summary>
public static class SafetensorsShards
{
    /// <summary>5 GB, as in Hugging Face's own writer.</summary>
    public const long LargestFile = 5_000_000_000;

    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>
    /// Writes tensors, in their order, into as few files of at most <paramref name="largestFile"/> bytes as hold them. Each file
    /// appears whole or not at all, the index last; files of an earlier layout are removed then.
    /// </summary>
    /// <param name="folder">Made if it does not exist.</param>
    /// <param name="tensors">A tensor larger than a file has one of its own.</param>
    /// <param name="metadata">Goes into each file.</param>
    /// <param name="largestFile">Bytes of data in a file.</param>
    public static void Write(
        string folder, IReadOnlyList<CheckpointTensor> tensors, IReadOnlyDictionary<string, string> metadata, long largestFile = LargestFile)
    {
        var shards = Divide(tensors, largestFile);
        var names = shards.Count == 1
            ? [SafetensorsFolder.SingleFile]
            : shards.Select((_, i) => string.Create(CultureInfo.InvariantCulture, $"model-{i + 1:D5}-of-{shards.Count:D5}.safetensors")).ToArray();
        for (var i = 0; i < names.Length; i++)
            SafetensorsWriter.Write(Path.Combine(folder, names[i]), shards[i], metadata);

        if (SafetensorsFolder.HasIndex(names))
            AtomicFile.WriteText(Path.Combine(folder, SafetensorsFolder.IndexFile), Index(shards, names));
        SafetensorsFolder.RemoveOthers(folder, names);
    }

    private static List<List<CheckpointTensor>> Divide(IReadOnlyList<CheckpointTensor> tensors, long largestFile)
    {
        List<List<CheckpointTensor>> shards = [[]];
        long bytes = 0;
        foreach (var tensor in tensors)
        {
            var size = TensorEntry.SizeOf(tensor.Type, tensor.Shape);
            if (shards[^1].Count > 0 && bytes + size > largestFile)
            {
                shards.Add([]);
                bytes = 0;
            }

            shards[^1].Add(tensor);
            bytes += size;
        }

        return shards;
    }

    private static string Index(List<List<CheckpointTensor>> shards, string[] names)
    {
        var places = shards.Zip(names).SelectMany(shard => shard.First.Select(tensor => (tensor.Name, File: shard.Second)));
        var index = new JsonObject
        {
            ["metadata"] = new JsonObject { ["total_size"] = shards.Sum(shard => shard.Sum(tensor => TensorEntry.SizeOf(tensor.Type, tensor.Shape))) },
            ["weight_map"] = new JsonObject(places.OrderBy(place => place.Name, StringComparer.Ordinal).Select(place => KeyValuePair.Create(place.Name, (JsonNode?)place.File))),
        };
        return index.ToJsonString(s_json).ReplaceLineEndings("\n") + "\n";
    }
}
