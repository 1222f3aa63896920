using System.Text.Json.Nodes;
using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.HuggingFace;
using ModelCompiler.Runtime.Tests.HuggingFace.Reference;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.HuggingFace;

/// <summary>What an import leaves in its folder, and which declarations its weights fit.</summary>
public sealed class ImportTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void One_file_with_an_index_keeps_its_index()
    {
        TinyModels.Gpt2().Save(_folder, "in");
        const string File = "model-00001-of-00001.safetensors";
        System.IO.File.Move(Path.Combine(_folder["in"], SafetensorsFolder.SingleFile), Path.Combine(_folder["in"], File));
        var places = TinyModels.Gpt2().Tensors.Keys.Select(name => KeyValuePair.Create(name, (JsonNode?)File));
        System.IO.File.WriteAllText(Path.Combine(_folder["in"], SafetensorsFolder.IndexFile), new JsonObject { ["weight_map"] = new JsonObject(places) }.ToJsonString());

        var import = PretrainedImport.Run(_folder["in"], _folder["out"], "HfGpt2");
        Assert.True(PretrainedModel.Exists(import.WeightsFolder));
        Assert.Equal(First(TinyModels.Gpt2()), Load(import));
    }

    /// <summary>The single file comes before an index: what is left of an earlier import would be read.</summary>
    [Theory]
    [InlineData(1, 3)]
    [InlineData(3, 1)]
    [InlineData(3, 2)]
    public void Another_layout_takes_the_place_of_an_earlier_one(int earlier, int later)
    {
        var checkpoint = TinyModels.Gpt2();
        checkpoint.Save(_folder, "earlier", files: earlier);
        Assert.Equal(First(checkpoint), Load(PretrainedImport.Run(_folder["earlier"], _folder["out"], "HfGpt2")));
        checkpoint.Tensors["transformer.wte.weight"].Values[0] = 7;
        checkpoint.Save(_folder, "later", files: later);
        var import = PretrainedImport.Run(_folder["later"], _folder["out"], "HfGpt2");
        Assert.Equal(7, Load(import));
        Assert.Equal(later, Directory.GetFiles(import.WeightsFolder, "*.safetensors").Length);
    }

    [Fact]
    public void A_folder_that_is_imported_where_it_lies_stays_as_it_is()
    {
        var folder = TinyModels.Gpt2().Save(_folder, Path.Combine("out", "HfGpt2"));
        File.WriteAllText(Path.Combine(folder, SafetensorsFolder.IndexFile), "{}");
        Assert.Equal(First(TinyModels.Gpt2()), Load(PretrainedImport.Run(folder, _folder.Path, "HfGpt2")));
        Assert.True(File.Exists(Path.Combine(folder, SafetensorsFolder.IndexFile)));
    }

    /// <summary>In segments of 16 and a memory of 6 some distance is clamped to 15, in segments of 8 none.</summary>
    [Fact]
    public void A_clamp_that_a_shorter_context_never_meets_is_not_declared_and_not_missed()
    {
        var checkpoint = TinyModels.TransfoXlSame();
        checkpoint.Config["tgt_len"] = 16;
        checkpoint.Config["clamp_len"] = 15;
        checkpoint.Save(_folder, "in");
        Assert.Equal(15, PretrainedImport.Run(_folder["in"], _folder["whole"], "HfTransfoXlSame").Spec.Architecture.ClampLength);
        var import = PretrainedImport.Run(_folder["in"], _folder["out"], "HfTransfoXlSame", context: 8);
        Assert.Equal(ParityTests.Declaration("hf-transfo-xl-same"), File.ReadAllText(import.SpecPath));
        using var model = HfTransfoXlSame.Create(CPU, seed: 1);
        PretrainedModel.Load(import.WeightsFolder, model);
    }

    /// <summary>It did not count in segments of 4, so the import declares none; the declaration then has segments of 8.</summary>
    [Fact]
    public void A_clamp_that_a_longer_context_meets_is_missed()
    {
        var checkpoint = TinyModels.TransfoXlSame();
        checkpoint.Config["tgt_len"] = 4;
        checkpoint.Config["clamp_len"] = 12;
        checkpoint.Save(_folder, "in");
        Assert.Null(PretrainedImport.Run(_folder["in"], _folder["out"], "HfTransfoXlSame").Spec.Architecture.ClampLength);
        using var model = HfTransfoXlSame.Create(CPU, seed: 1);
        Assert.Contains("clamp-length: 12", Assert.Throws<CheckpointException>(() => PretrainedModel.Load(_folder["in"], model)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(16, null)]
    [InlineData(15, "window: 15")]
    public void So_with_a_window(int window, string? missed)
    {
        var checkpoint = TinyModels.Llama();
        checkpoint.Config["model_type"] = "mistral";
        checkpoint.Config.Remove("attention_bias");
        checkpoint.Config.Remove("mlp_bias");
        checkpoint.Config["max_position_embeddings"] = 8;
        checkpoint.Config["sliding_window"] = window;
        checkpoint.Save(_folder, "in");
        Assert.Null(PretrainedImport.Run(_folder["in"], _folder["out"], "HfLlama").Spec.Architecture.Window);
        using var model = HfLlama.Create(CPU, seed: 1);
        if (missed is null)
            PretrainedModel.Load(_folder["in"], model);
        else
            Assert.Contains(missed, Assert.Throws<CheckpointException>(() => PretrainedModel.Load(_folder["in"], model)).Message, StringComparison.Ordinal);
    }

    private static float First(PlainCheckpoint checkpoint) => checkpoint.Tensors["transformer.wte.weight"].Values[0];

    /// <summary>The first number of the embedding that the compiled model reads.</summary>
    private static float Load(PretrainedImport import)
    {
        using var model = HfGpt2.Create(CPU, seed: 1);
        PretrainedModel.Load(import.WeightsFolder, model);
        return model.Parameters.Parameters().Single(parameter => parameter.Name == "embedding.weight").Value[0, 0].item<float>();
    }

    public void Dispose() => _folder.Dispose();
}
