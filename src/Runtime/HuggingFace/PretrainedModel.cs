using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.HuggingFace;

/// <summary>
/// Models in the files of Hugging Face's transformers: <c>config.json</c>, <c>model.safetensors</c> (or several with an index) and
/// <c>tokenizer.json</c>.
/// </summary>
public static class PretrainedModel
{
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Whether a folder holds one: a configuration and weights in safetensors files.</summary>
    public static bool Exists(string folder) => File.Exists(Path.Combine(folder, ConfigFile.Name)) && SafetensorsFolder.Exists(folder);

    /// <summary>
    /// Reads weights into a model's parameters: the files are checked by a mapping, and each tensor is brought into the fp32 masters in
    /// one pass over its bytes.
    /// </summary>
    /// <param name="folder">With config.json and safetensors files.</param>
    /// <param name="model">Declared as the import wrote it, or so that it computes the same.</param>
    /// <exception cref="CheckpointException">The folder is not of this model; nothing was changed then.</exception>
    public static void Load(string folder, ICompiledModel model)
    {
        var config = ConfigFile.Open(folder);
        var architecture = PretrainedArchitectures.Of(config);
        var read = ConfigFile.Read(architecture, config);
        if (model.Description.Architecture is { } declared && !PretrainedArchitectures.Same(read with { Context = declared.Context }, Explicit(declared, model.Description)))
        {
            throw new CheckpointException(
                $"{model.Description.Name} is declared to compute something else than '{Path.Combine(folder, ConfigFile.Name)}' says, which is"
                + $" {string.Join(", ", SpecText.Write(new ModelSpec { Architecture = read }).Split('\n')[2..].Where(line => line.Length > 0).Select(line => line.Trim()))}. Declare that.");
        }

        using var files = SafetensorsFolder.Open(folder);
        foreach (var transfer in new WeightTable(architecture).Compare(files, model.Description).OrderBy(transfer => files.Address(transfer.Name)))
            transfer.Read(files, model.Parameters.Master);
        model.Parameters.CastCompute();
    }

    /// <summary>Writes a model's parameters, configuration and tokenizer, so that transformers and <see cref="Load"/> read them.</summary>
    /// <param name="model">A decoder that one of the architectures of transformers expresses.</param>
    /// <param name="tokenizer">Its tokenizer; null for none.</param>
    /// <param name="folder">Made if it does not exist.</param>
    /// <param name="largestFile">Bytes of data in a file; more makes several files with an index.</param>
    /// <exception cref="NotSupportedException">No architecture expresses the model.</exception>
    public static void Export(ICompiledModel model, ITextTokenizer? tokenizer, string folder, long largestFile = SafetensorsShards.LargestFile)
    {
        var declared = model.Description.Architecture is { } given ? Explicit(given, model.Description) : null;
        var (architecture, config) = PretrainedArchitectures.All
            .Where(_ => declared is not null)
            .Select(candidate => (Architecture: candidate, Config: candidate.Write(declared!)))
            .FirstOrDefault(candidate => Says(candidate.Architecture, candidate.Config, declared!));
        if (architecture is null)
        {
            throw new NotSupportedException(
                $"{model.Description.Name} cannot be exported: none of {string.Join(", ", PretrainedArchitectures.All.Select(candidate => candidate.ModelType))} computes what it declares.");
        }

        var tensors = new WeightTable(architecture).ForModel(model.Description).Select(transfer => transfer.Write(model.Parameters.Master)).ToArray();
        SafetensorsShards.Write(folder, tensors, new Dictionary<string, string> { ["format"] = "pt" }, largestFile);
        tokenizer?.Export(folder);
        var named = new JsonObject { ["architectures"] = new JsonArray(architecture.ClassName), ["model_type"] = architecture.ModelType, ["torch_dtype"] = "float32" };
        if (tokenizer is not null)
            named["eos_token_id"] = tokenizer.EndOfText;
        foreach (var (key, value) in config.ToArray())
        {
            config.Remove(key);
            named[key] = value;
        }

        AtomicFile.WriteText(Path.Combine(folder, ConfigFile.Name), named.ToJsonString(s_json).ReplaceLineEndings("\n") + "\n");
    }

    /// <summary>Whether a configuration, read back, is the declared model.</summary>
    private static bool Says(PretrainedArchitecture architecture, JsonObject config, ArchitectureSpec declared)
    {
        try
        {
            return PretrainedArchitectures.Same(ConfigFile.Read(architecture, ConfigFile.Of(config)), declared);
        }
        catch (CheckpointException)
        {
            return false; // it has no value for what is declared
        }
    }

    /// <summary>With the width of the feed-forward layer, whose default only the compiler knows.</summary>
    private static ArchitectureSpec Explicit(ArchitectureSpec declared, ModelDescription model)
    {
        var mlp = declared.Family == Family.TransformerXl ? TransformerXl.Mlp(declared) : declared.Mlp ?? new FamilyMlpSpec();
        var up = model.Parameters.FirstOrDefault(parameter => parameter.Name == "blocks.0.mlp.up.weight");
        return declared with { Mlp = mlp with { Hidden = mlp.Hidden ?? (int?)up?.Shape[0] } };
    }
}
