using System.Text.Json.Nodes;
using CsCheck;
using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.HuggingFace;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.HuggingFace;

/// <summary>What cannot be imported or loaded is refused with one exception that names it, and changes nothing.</summary>
public sealed class RefusalTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData("model_type", "\"bloom\"", "'model_type': \"bloom\"; only gpt2, llama")]
    [InlineData("hidden_act", "\"gelu\"", "'hidden_act': \"gelu\"")]
    [InlineData("rope_scaling", """{"rope_type":"longrope","factor":2.0}""", "'rope_scaling.rope_type': \"longrope\"")]
    [InlineData("num_experts", "8", "'num_experts': 8; this key is not known")]
    [InlineData("hidden_size", "\"32\"", "'hidden_size': \"32\"; a whole number belongs there")]
    [InlineData("hidden_size", "null", "has no 'hidden_size'")]
    [InlineData("attention_bias", "1", "'attention_bias': 1; true or false belongs there")]
    [InlineData("num_hidden_layers", "0", "declares layers: 0, where 1 to 1024 belongs")]
    [InlineData("num_attention_heads", "-1", "declares heads: -1, where 1 to 1024 belongs")]
    [InlineData("intermediate_size", "0", "declares mlp.hidden: 0, where 1 to 1048576 belongs")]
    [InlineData("num_hidden_layers", "3", "Missing: model.layers.2.input_layernorm.weight")]
    [InlineData("num_hidden_layers", "1", "Unknown: model.layers.1.input_layernorm.weight")]
    [InlineData("intermediate_size", "40", "model.layers.0.mlp.up_proj.weight: F32 [48, 32] instead of [40, 32]")]
    [InlineData("vocab_size", "97", "Of another shape: lm_head.weight: F32 [96, 32] instead of [97, 32]")]
    public void A_configuration_that_cannot_be_declared_is_refused_by_key_and_value(string key, string value, string message)
    {
        var checkpoint = TinyModels.Llama();
        checkpoint.Config[key] = JsonNode.Parse(value);
        checkpoint.Save(_folder, "in");
        Refused(message, () => PretrainedImport.Run(_folder["in"], _folder["out"]));
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Theory]
    [InlineData("scale_attn_by_inverse_layer_idx", "true", "'scale_attn_by_inverse_layer_idx': true; only false")]
    [InlineData("scale_attn_weights", "false", "'scale_attn_weights': false; only true")]
    [InlineData("activation_function", "\"mish\"", "'activation_function': \"mish\"")]
    public void So_for_gpt2(string key, string value, string message)
    {
        var checkpoint = TinyModels.Gpt2();
        checkpoint.Config[key] = JsonNode.Parse(value);
        checkpoint.Save(_folder, "in");
        Refused(message, () => PretrainedImport.Run(_folder["in"], _folder["out"]));
    }

    [Theory]
    [InlineData("div_val", "4", "'div_val': 4; only 1")]
    [InlineData("div_val", "null", "'div_val': null; only 1")]
    [InlineData("cutoffs", "[20, 40]", "'cutoffs': [20,40]; only []")]
    [InlineData("cutoffs", "null", "'cutoffs': null; only []")]
    [InlineData("d_embed", "16", "'d_embed': 16; only 32, 'd_model'")]
    [InlineData("d_head", "16", "'d_head': 16; only")]
    [InlineData("attn_type", "2", "'attn_type': 2; only 0")]
    [InlineData("pre_lnorm", "true", "'pre_lnorm': true; only false")]
    [InlineData("untie_r", "false", "'untie_r': false; only true")]
    [InlineData("ext_len", "4", "'ext_len': 4; it cannot be obeyed")]
    [InlineData("sample_softmax", "100", "'sample_softmax': 100; a sampled softmax")]
    [InlineData("n_head", "0", "'d_head': 8; only")]
    public void So_for_transfo_xl(string key, string value, string message)
    {
        var checkpoint = TinyModels.TransfoXl();
        checkpoint.Config[key] = JsonNode.Parse(value);
        checkpoint.Save(_folder, "in");
        Refused(message, () => PretrainedImport.Run(_folder["in"], _folder["out"]));
    }

    [Fact]
    public void Equal_lengths_without_memory_are_refused()
    {
        var checkpoint = TinyModels.TransfoXlSame();
        checkpoint.Config["mem_len"] = 0;
        checkpoint.Save(_folder, "in");
        Refused("'same_length': true; without 'mem_len'", () => PretrainedImport.Run(_folder["in"], _folder["out"]));
    }

    [Theory]
    [InlineData("is_decoder", "true", "'is_decoder': true; only false")]
    [InlineData("position_embedding_type", "\"relative_key\"", "'position_embedding_type': \"relative_key\"")]
    [InlineData("hidden_act", "\"gelu_fast\"", "'hidden_act': \"gelu_fast\"")]
    public void So_for_bert(string key, string value, string message)
    {
        var checkpoint = TinyModels.Bert();
        checkpoint.Config[key] = JsonNode.Parse(value);
        checkpoint.Save(_folder, "in");
        Refused(message, () => PretrainedImport.Run(_folder["in"], _folder["out"]));
    }

    [Fact]
    public void An_encoder_without_its_special_tokens_is_refused()
    {
        TinyModels.Bert().Save(_folder, "in");
        var path = Path.Combine(_folder["in"], "tokenizer.json");
        File.WriteAllText(path, File.ReadAllText(path).Replace("[MASK]", "mask", StringComparison.Ordinal));
        Refused("has no token [MASK]", () => PretrainedImport.Run(_folder["in"], _folder["out"]));
    }

    [Fact]
    public void A_tokenizer_of_more_tokens_than_the_model_is_refused()
    {
        TinyModels.Llama().Save(_folder, "in");
        var path = Path.Combine(_folder["in"], "tokenizer.json");
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"a\":5", "\"a\":96", StringComparison.Ordinal));
        Refused("has 97 tokens, but the model 96", () => PretrainedImport.Run(_folder["in"], _folder["out"]));
    }

    [Fact]
    public void Pickled_weights_are_refused_with_the_remedy()
    {
        TinyModels.Gpt2().Save(_folder, "in");
        File.Move(Path.Combine(_folder["in"], "model.safetensors"), Path.Combine(_folder["in"], "pytorch_model.bin"));
        var message = Refused("'pytorch_model.bin', which is not read", () => PretrainedImport.Run(_folder["in"], _folder["out"]));
        Assert.Contains("safe_serialization=True", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model.norm.weight", "Missing: model.norm.weight.")]
    [InlineData("model.layers.1.mlp.up_proj.weight", "Missing: model.layers.1.mlp.up_proj.weight.")]
    public void Missing_tensors_are_named(string name, string message) => RefusedLoad(message, tensors => tensors.Remove(name));

    [Fact]
    public void Many_missing_tensors_are_counted() => RefusedLoad("and 9 more.", tensors =>
    {
        foreach (var name in tensors.Keys.Where(name => name.StartsWith("model.layers", StringComparison.Ordinal)).Take(14).ToArray())
            tensors.Remove(name);
    });

    [Theory]
    [InlineData("model.layers.2.mlp.up_proj.weight")]
    [InlineData("model.layers.0.self_attn.q_proj.bias")]
    [InlineData("something.else")]
    public void Unknown_tensors_are_named(string name) => RefusedLoad($"Unknown: {name}.", tensors => tensors.Add(name, ([48, 32], new float[48 * 32])));

    [Fact]
    public void Wrong_shapes_are_named() => RefusedLoad(
        "Of another shape: model.layers.0.mlp.up_proj.weight: F32 [32, 48] instead of [48, 32]",
        tensors => tensors["model.layers.0.mlp.up_proj.weight"] = ([32, 48], new float[48 * 32]));

    [Fact]
    public void A_model_that_computes_something_else_is_refused()
    {
        var checkpoint = TinyModels.Llama();
        checkpoint.Config["rms_norm_eps"] = 1e-5;
        checkpoint.Save(_folder, "in");
        using var model = HfLlama.Create(CPU, seed: 1);
        Refused("norm-epsilon: 1e-05", () => PretrainedModel.Load(_folder["in"], model));
    }

    [Theory]
    [InlineData("visual.patch.weight", 1, "do not fit LlamaForCausalLM with its config.json. Unknown: visual.patch.weight.")]
    [InlineData("model.norm.weight", 0, "Missing: model.norm.weight.")]
    [InlineData("model.layers.1.self_attn.v_proj.weight", 9, "model.layers.1.self_attn.v_proj.weight: F32 [9] instead of [16, 32] in F32, BF16 or F16")]
    public void Tensors_that_the_configuration_does_not_describe_stop_the_import(string name, int values, string message)
    {
        var checkpoint = TinyModels.Llama();
        checkpoint.Tensors.Remove(name);
        if (values > 0)
            checkpoint.Tensors.Add(name, ([values], new float[values]));
        checkpoint.Save(_folder, "in");
        Refused(message, () => PretrainedImport.Run(_folder["in"], _folder["out"]));
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Theory]
    [InlineData("my-model")]
    [InlineData("../x")]
    [InlineData("class")]
    [InlineData("")]
    public void A_name_that_is_no_class_name_is_refused(string name)
    {
        TinyModels.Llama().Save(_folder, "in");
        Refused($"'{name}' is no C# class name", () => PretrainedImport.Run(_folder["in"], _folder["out"], name));
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Fact]
    public void A_model_that_no_architecture_expresses_is_not_exported()
    {
        using var model = Custom.Create(CPU, seed: 1);
        Assert.Contains("cannot be exported: none of gpt2, llama", Assert.Throws<NotSupportedException>(() => PretrainedModel.Export(model, null, _folder["out"])).Message);
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Theory]
    [InlineData("""{"weight_map":{"a":"../x.safetensors"}}""", "no safetensors file of its folder")]
    [InlineData("""{"weight_map":{"a":"pytorch_model.bin"}}""", "no safetensors file of its folder")]
    [InlineData("""{"weight_map":{}}""", "lists no tensors")]
    [InlineData("""{"weight_map":{"a":"none.safetensors"}}""", "none.safetensors")]
    [InlineData("""{"weight_map":{"a":"one.safetensors"}}""", "tensor 'a' lies in 'one.safetensors', but it does not")]
    [InlineData("""{"weight_map":{"x":"one.safetensors"}}""", "does not list tensor 'y'")]
    [InlineData("""{"weight_map":{"x":"one.safetensors","y":"one.safetensors","z":"two.safetensors"}}""", "'x' lies in two files")]
    [InlineData("""{"weight_map":[]}""", "not a valid index")]
    [InlineData("""{""", "not a valid index")]
    public void An_index_that_contradicts_its_files_is_refused(string index, string message)
    {
        float[] values = [1, 2];
        var (x, y, z) = (CheckpointTensor.FromArray("x", DType.F32, [2], values), CheckpointTensor.FromArray("y", DType.F32, [2], values), CheckpointTensor.FromArray("z", DType.F32, [2], values));
        SafetensorsWriter.Write(_folder["one.safetensors"], [x, y], new Dictionary<string, string>());
        SafetensorsWriter.Write(_folder["two.safetensors"], [x, z], new Dictionary<string, string>());
        _folder.Write("model.safetensors.index.json", index);
        Refused(message, () => SafetensorsFolder.Open(_folder.Path));
    }

    [Fact]
    public void Mutated_text_files_import_or_are_refused()
    {
        TinyModels.Llama().Save(_folder, "in", files: 2);
        foreach (var name in (string[])["config.json", "model.safetensors.index.json", "tokenizer.json"])
        {
            var (path, valid) = (Path.Combine(_folder["in"], name), File.ReadAllText(Path.Combine(_folder["in"], name)));
            Gen.Select(Gen.Int[0, valid.Length - 1], Gen.Int[0, 12], Gen.OneOf(Gen.String.AlphaNumeric, Gen.OneOf([.. new[] { "{", "}", "null", "-1", "1e400", "\"\"", "[", ",", "\\ud800" }.Select(Gen.Const)]))).Sample(
                edit =>
                {
                    var (start, removed, inserted) = edit;
                    File.WriteAllText(path, valid.Remove(start, Math.Min(removed, valid.Length - start)).Insert(start, inserted));
                    try
                    {
                        PretrainedImport.Run(_folder["in"], _folder["out"]);
                    }
                    catch (Exception e) when (e is CheckpointException or DataException)
                    {
                    }
                },
                iter: 400, threads: 1);
            File.WriteAllText(path, valid);
        }
    }

    /// <summary>Changes the tensors of a Llama and asserts that loading it fails and leaves the model as it was.</summary>
    private void RefusedLoad(string message, Action<Dictionary<string, (int[] Shape, float[] Values)>> change)
    {
        var checkpoint = TinyModels.Llama();
        change(checkpoint.Tensors);
        checkpoint.Save(_folder, "in");
        using var model = HfLlama.Create(CPU, seed: 1);
        var before = model.Parameters.Master.data<float>().ToArray();
        Refused(message, () => PretrainedModel.Load(_folder["in"], model));
        Assert.Equal(before, model.Parameters.Master.data<float>().ToArray());
    }

    private static string Refused(string message, Action act)
    {
        var exception = Record.Exception(act);
        Assert.True(exception is CheckpointException or DataException, $"{exception}");
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
        return exception.Message;
    }

    public void Dispose() => _folder.Dispose();
}
