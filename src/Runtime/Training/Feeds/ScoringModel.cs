using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Training.Feeds;

/// <summary>
/// The losses of samples under another model, which was trained beforehand. They are computed once, and then come from the
/// cache as long as text, samples and that model's checkpoint are the same.
/// </summary>
internal static class ScoringModel
{
    private const string Version = "1";
    private const string Tensor = "losses";

    /// <param name="scorer">The model; its parameters are read from its own checkpoint.</param>
    /// <param name="folder">The folder of its run.</param>
    /// <param name="data">The text.</param>
    /// <param name="samples">The samples of it.</param>
    /// <param name="seed">What they were drawn with.</param>
    /// <param name="report">Is told if they have to be computed.</param>
    /// <returns>[Count] mean nats per token.</returns>
    /// <exception cref="DataException">The model was not trained yet, or reads other tokens.</exception>
    public static float[] Losses(ICompiledModel scorer, string folder, Dataset data, SampleWindows samples, int seed, Action<string> report)
    {
        var checkpoint = Checkpoint(scorer.Description.Name, folder);
        var tokenizer = ModelCheckpoint.ReadState(checkpoint).TokenizerHash;
        if (tokenizer != data.Tokenizer.Hash)
            throw new DataException($"{scorer.Description.Name} in '{folder}' was trained with another tokenizer. Train it anew, with the same tokenizer on the same text.");

        var cached = CachePath(checkpoint, scorer.Description, data, samples, seed);
        if (Read(cached, samples.Count) is { } known)
            return known;

        report($"scoring {samples.Count:N0} samples with {scorer.Description.Name}");
        ModelCheckpoint.Load(checkpoint, scorer);
        var losses = new float[samples.Count];
        using (var program = scorer.CreateTraining())
            new ProgramScorer(program, samples, scorer.Description.Batch).Evaluate([.. Enumerable.Range(0, samples.Count)], losses);
        var tensor = new CheckpointTensor(Tensor, DType.F32, [losses.Length], stream => stream.Write(MemoryMarshal.AsBytes<float>(losses)));
        SafetensorsWriter.Write(cached, [tensor], new Dictionary<string, string>());
        return losses;
    }

    private static string Checkpoint(string name, string folder)
    {
        var best = RunFolder.BestPath(folder); // there is none without validation text
        return (File.Exists(best) ? best : RunFolder.LastPath(folder))
            ?? throw new DataException($"{name} is to judge samples, but there is no '{best}'. Train {name} first, with '{folder}' as its --output.");
    }

    private static string CachePath(string checkpoint, ModelDescription scorer, Dataset data, SampleWindows samples, int seed)
    {
        using var reader = SafetensorsReader.Open(checkpoint, verify: false);
        var key = $"{Version} {reader.Metadata.GetValueOrDefault("sha256")} {scorer.SpecHash} {Path.GetFileName(data.Training.Path)} {samples.Sequence} {samples.Count} {seed}";
        return Path.Combine(CacheFolder.Path, "losses", Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)))[..32] + ".safetensors");
    }

    /// <summary>Null for a file that is not there or damaged: it is made again.</summary>
    private static float[]? Read(string path, int count)
    {
        if (!File.Exists(path))
            return null;
        try
        {
            using var reader = SafetensorsReader.Open(path);
            var losses = reader.Values<float>(Tensor).ToArray();
            return losses.Length == count ? losses : null;
        }
        catch (CheckpointException)
        {
            return null;
        }
    }
}
