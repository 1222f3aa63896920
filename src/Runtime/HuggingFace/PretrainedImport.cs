using System.Text;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Tokenizers.Json;

namespace ModelCompiler.Runtime.HuggingFace;

/// <summary>A model of Hugging Face's made ready to be compiled: its declaration, and its files where the compiled program looks.</summary>
/// <param name="Spec">What it declares.</param>
/// <param name="SpecPath">The file of the declaration.</param>
/// <param name="WeightsFolder">Configuration, weights and tokenizer: the program's default <c>--output</c>, seen from the declaration's folder.</param>
public sealed record PretrainedImport(ModelSpec Spec, string SpecPath, string WeightsFolder)
{
    /// <summary>
    /// Reads the configuration, compares the tensors with it, checks the tokenizer, and writes <c>Name.model.yaml</c> and
    /// <c>out/Name/</c>. The weights are copied as they are.
    /// </summary>
    /// <param name="folder">With config.json, model.safetensors (or several with an index) and tokenizer.json.</param>
    /// <param name="output">Where to write; made if it does not exist.</param>
    /// <param name="name">Name of the model and of its class, a C# identifier; null for one made of the folder's.</param>
    /// <param name="context">Longest sequence, where that is to be shorter than the model's and its positions allow it.</param>
    /// <exception cref="CheckpointException">The folder cannot be imported; the reason is named and nothing was written.</exception>
    /// <exception cref="Data.DataException">The tokenizer cannot be used.</exception>
    public static PretrainedImport Run(string folder, string output, string? name = null, int? context = null)
    {
        if (name is not null && !CSharpName.IsIdentifier(name))
            throw new CheckpointException($"'{name}' is no C# class name, and the model's class is named so. Give --name a letter, then letters, digits and '_', and no keyword.");
        var config = ConfigFile.Open(folder);
        var architecture = PretrainedArchitectures.Of(config);
        var read = ConfigFile.Read(architecture, config);
        if (context is { } shorter)
        {
            var trained = read.Position != PositionKind.Rope && read.Family != Family.TransformerXl;
            if (trained || shorter < 1 || shorter > read.Context)
                throw new CheckpointException($"The context of '{folder}' is {read.Context}{(trained ? " by its trained positions" : ", which can only be made shorter")}; leave out --context.");
            read = read with { Context = shorter };
        }

        read = PretrainedArchitectures.Effective(read);
        if (SpecRange.FirstOutside(read) is { } outside)
            throw new CheckpointException($"'{Path.Combine(folder, ConfigFile.Name)}' declares {outside}. This model cannot be imported.");
        IReadOnlyList<string> files;
        using (var weights = SafetensorsFolder.Open(folder))
        {
            new WeightTable(architecture, DeclaredParameters.Of(read), read.Heads!.Value).Compare(
                weights, $"{architecture.ClassName} with its {ConfigFile.Name}", "Download the folder again; if it is complete, this model cannot be imported.");
            files = weights.Files;
        }

        var tokenizer = JsonTokenizer.Load(Path.Combine(folder, JsonTokenizer.FileName));
        if (tokenizer.Vocabulary > read.Vocabulary)
            throw new CheckpointException($"The tokenizer in '{folder}' has {tokenizer.Vocabulary} tokens, but the model {read.Vocabulary}: they do not belong together.");

        if (read.Family is Family.Encoder or Family.Albert)
            read = read with { SpecialTokens = SpecialTokens(tokenizer, folder) };
        name ??= NameOf(folder);
        var weightsFolder = Path.Combine("out", name);
        var spec = new ModelSpec
        {
            Model = name,
            Architecture = read,
            Training = new TrainingSpec
            {
                Batch = 1,
                Optimizer = new OptimizerSpec { LearningRate = 1e-5 },
                Data = new DataSpec { Tokenizer = TokenizerKind.Json, TokenizerFile = $"out/{name}/{JsonTokenizer.FileName}" },
            },
        };
        var target = Path.Combine(output, weightsFolder);
        Directory.CreateDirectory(target);
        foreach (var file in files.Concat(SafetensorsFolder.HasIndex(files) ? [SafetensorsFolder.IndexFile] : []).Append(ConfigFile.Name))
            Copy(Path.Combine(folder, file), Path.Combine(target, file));
        if (Path.GetFullPath(folder) != Path.GetFullPath(target))
            SafetensorsFolder.RemoveOthers(target, files);
        tokenizer.Save(target);
        var specPath = Path.Combine(output, name + ".model.yaml");
        AtomicFile.WriteText(specPath, SpecText.Write(spec)); // the last: with it the import is complete
        return new PretrainedImport(spec, specPath, target);
    }

    /// <summary>What the tokens of an encoder that stand for no text are in its tokenizer.</summary>
    private static SpecialTokensSpec SpecialTokens(JsonTokenizer tokenizer, string folder)
    {
        int Id(params string[] names) => names.Select(tokenizer.IdOf).FirstOrDefault(id => id is not null)
            ?? throw new CheckpointException($"The tokenizer in '{folder}' has no token {string.Join(" or ", names)}, which an encoder needs. This model cannot be imported.");
        return new SpecialTokensSpec
        {
            Pad = Id(Runtime.SpecialTokens.PadText, "<pad>"), Cls = Id(Runtime.SpecialTokens.ClsText),
            Sep = Id(Runtime.SpecialTokens.SepText), Mask = Id(Runtime.SpecialTokens.MaskText),
        };
    }

    /// <summary>The folder's name as the name of a class: <c>Qwen2.5-0.5B</c> is Qwen2505B.</summary>
    private static string NameOf(string folder)
    {
        var (name, upper) = (new StringBuilder(), true);
        foreach (var c in Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))))
        {
            if (char.IsAsciiLetterOrDigit(c))
                name.Append(upper ? char.ToUpperInvariant(c) : c);
            upper = !char.IsAsciiLetterOrDigit(c);
        }

        return name.Length > 0 && char.IsAsciiLetter(name[0]) ? name.ToString() : "Model" + name;
    }

    private static void Copy(string from, string to)
    {
        if (Path.GetFullPath(from) == Path.GetFullPath(to))
            return;
        var temporary = to + AtomicFile.TemporaryExtension;
        File.Copy(from, temporary, overwrite: true);
        File.Move(temporary, to, overwrite: true);
    }
}
