using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.HuggingFace;
using ModelCompiler.Runtime.Tokenizers;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// The frozen model under low-rank adapters (Hu et al. 2021): its weights come from a checkpoint of the model without adapters, and the
/// adapters can be merged into them. The adapters themselves are the model's <see cref="ICompiledModel.Parameters"/>.
/// </summary>
public static class Adapters
{
    private const string Weight = ".weight", First = ".lora_a", Second = ".lora_b";

    /// <summary>
    /// Reads the frozen weights by their names from a safetensors file of fp32, bf16 or fp16, where what else it holds is left; or from
    /// the folder of a model of Hugging Face's.
    /// </summary>
    /// <param name="model">A model that declares <c>adapt</c>.</param>
    /// <param name="path">The file, e.g. <c>best.safetensors</c> of a run of the model without adapters, or the folder.</param>
    /// <returns>What the weights were, for the <see cref="RunState"/>.</returns>
    /// <exception cref="CheckpointException">The weights are damaged, or lack one or have it in another shape; nothing was changed then.</exception>
    public static BaseCheckpoint LoadBase(ICompiledModel model, string path)
    {
        var frozen = Frozen(model);
        if (Directory.Exists(path))
        {
            PretrainedModel.Load(path, model.Description, frozen);
            return new(Path.GetFullPath(path), TeacherCheckpoint.Digest(frozen), SpecHash: "");
        }

        using var reader = SafetensorsReader.Open(path);
        NamedWeights.Read(reader, path, model.Description.Name, frozen, without: "adapters");
        return new(Path.GetFullPath(path), reader.Metadata.GetValueOrDefault(ContentDigest.Key, ""), reader.Metadata.GetValueOrDefault("spec-hash", ""));
    }

    /// <summary>
    /// Adds the adapters to the frozen weights, W += scale · B · A, and sets B to zero: the model computes the same, but for rounding, and
    /// costs no more than without adapters when these are left out.
    /// </summary>
    /// <param name="model">A model that declares <c>adapt</c>.</param>
    public static void Merge(ICompiledModel model)
    {
        using var scope = NewDisposeScope();
        var trained = model.Parameters.Parameters().ToDictionary(p => p.Name, p => p.Value);
        foreach (var (name, weight) in Frozen(model).Parameters())
        {
            var layer = name.EndsWith(Weight, StringComparison.Ordinal) ? name[..^Weight.Length] : name;
            if (!trained.TryGetValue(layer + First, out var a)) continue;
            var b = trained[layer + Second];
            weight.add_(b.mm(a), model.Description.Adapt!.Scale);
            b.zero_();
        }

        Frozen(model).CastCompute();
        model.Parameters.CastCompute();
    }

    /// <summary>Writes the frozen weights as they are now, merged or not, and their configuration and tokenizer in Hugging Face's files.</summary>
    /// <param name="model">A model that declares <c>adapt</c>.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="folder">Made if it does not exist.</param>
    /// <exception cref="NotSupportedException">No architecture of theirs expresses the model.</exception>
    internal static void ExportBase(ICompiledModel model, ITextTokenizer tokenizer, string folder) =>
        PretrainedModel.Export(model.Description, Frozen(model), tokenizer, folder);

    /// <summary>
    /// Writes the frozen weights as they are now, merged or not, as a checkpoint of the model that they are from, which loads and generates
    /// from it.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="model">A model that declares <c>adapt</c>.</param>
    /// <param name="state">Where the adapters' run stands, with its <see cref="RunState.Base"/>.</param>
    public static void SaveBase(string path, ICompiledModel model, RunState state)
    {
        var table = new CheckpointTable(Frozen(model).Layout);
        table.Parameters("", Frozen(model).Master);
        table.Save(path, (state with { SpecHash = state.Base?.SpecHash ?? "", Base = null }).ToMetadata());
    }

    private static ParameterStore Frozen(ICompiledModel model) =>
        model.Frozen ?? throw new ArgumentException($"{model.Description.Name} declares no 'adapt': it has no frozen weights.", nameof(model));
}
