using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Tokenizers;
using ModelCompiler.Runtime.Training;

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
    public static void Load(string folder, ICompiledModel model) => Load(folder, model.Description, model.Parameters);

    /// <inheritdoc cref="Load(string, ICompiledModel)"/>
    /// <param name="into">All parameters of the architecture: the model's own, or the frozen ones under adapters.</param>
    internal static void Load(string folder, ModelDescription model, ParameterStore into)
    {
        var config = ConfigFile.Open(folder);
        var architecture = PretrainedArchitectures.Of(config);
        var read = ConfigFile.Read(architecture, config);
        if (model.Architecture is { } declared && !PretrainedArchitectures.Same(read, Explicit(declared, into)))
        {
            var wanted = PretrainedArchitectures.Effective(read with { Context = declared.Context });
            throw new CheckpointException(
                $"{model.Name} is declared to compute something else than '{Path.Combine(folder, ConfigFile.Name)}' says, which is"
                + $" {string.Join(", ", SpecText.Write(new ModelSpec { Architecture = wanted }).Split('\n')[2..].Where(line => line.Length > 0).Select(line => line.Trim()))}. Declare that.");
        }

        using var files = SafetensorsFolder.Open(folder);
        var transfers = new WeightTable(architecture, into.Layout, model.Architecture?.Heads ?? 1)
            .Compare(files, model.Name, "Import the folder again, or restore the declaration that the import wrote.");
        foreach (var transfer in transfers.OrderBy(transfer => files.Address(transfer.Name)))
            transfer.Read(files, into.Master);
        into.CastCompute();
    }

    /// <summary>Writes a model's parameters, configuration and tokenizer, so that transformers and <see cref="Load(string, ICompiledModel)"/> read them.</summary>
    /// <param name="model">A decoder that one of the architectures of transformers expresses.</param>
    /// <param name="tokenizer">Its tokenizer; null for none.</param>
    /// <param name="folder">Made if it does not exist.</param>
    /// <param name="largestFile">Bytes of data in a file; more makes several files with an index.</param>
    /// <exception cref="NotSupportedException">No architecture expresses the model.</exception>
    public static void Export(ICompiledModel model, ITextTokenizer? tokenizer, string folder, long largestFile = SafetensorsShards.LargestFile) =>
        Export(model.Description, model.Parameters, tokenizer, folder, largestFile);

    /// <inheritdoc cref="Export(ICompiledModel, ITextTokenizer, string, long)"/>
    /// <param name="parameters">All of the architecture: the model's own, or the frozen ones under adapters.</param>
    internal static void Export(
        ModelDescription model, ParameterStore parameters, ITextTokenizer? tokenizer, string folder, long largestFile = SafetensorsShards.LargestFile)
    {
        var declared = model.Architecture is { } given ? Explicit(given, parameters) : null;
        var (architecture, config) = PretrainedArchitectures.All
            .Where(_ => declared is not null)
            .Select(candidate => (Architecture: candidate, Config: candidate.Write(declared!)))
            .FirstOrDefault(candidate => Says(candidate.Architecture, candidate.Config, declared!, model.Training.Objective.Kind));
        if (architecture is null)
        {
            throw new NotSupportedException(
                $"{model.Name} cannot be exported: none of {string.Join(", ", PretrainedArchitectures.All.Select(candidate => candidate.ModelType))} computes what it declares.");
        }

        var tensors = new WeightTable(architecture, parameters.Layout, declared!.Heads ?? 1).All().Select(transfer => transfer.Write(parameters.Master)).ToArray();
        SafetensorsShards.Write(folder, tensors, new Dictionary<string, string> { ["format"] = "pt" }, largestFile);
        tokenizer?.Export(folder, model.Training.SpecialTokens);
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

    /// <summary>Whether a configuration, read back, is the declared model with the head of its objective.</summary>
    private static bool Says(PretrainedArchitecture architecture, JsonObject config, ArchitectureSpec declared, ObjectiveKind objective)
    {
        try
        {
            var read = ConfigFile.Read(architecture, ConfigFile.Of(config));
            return ObjectiveSpec.Resolve(new ModelSpec { Architecture = read }).Kind == objective && PretrainedArchitectures.Same(read, declared);
        }
        catch (CheckpointException)
        {
            return false; // it has no value for what is declared
        }
    }

    /// <summary>With the width of the feed-forward layer, whose default only the compiler knows.</summary>
    private static ArchitectureSpec Explicit(ArchitectureSpec declared, ParameterStore parameters)
    {
        var mlp = declared.Family == Family.TransformerXl ? TransformerXl.Mlp(declared) : declared.Mlp ?? new FamilyMlpSpec();
        var up = parameters.Layout.FirstOrDefault(parameter => parameter.Name == "blocks.0.mlp.up.weight");
        return declared with { Mlp = mlp with { Hidden = mlp.Hidden ?? (int?)up?.Shape[0] } };
    }
}
