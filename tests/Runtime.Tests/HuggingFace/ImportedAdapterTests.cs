using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.CommandLine;
using ModelCompiler.Runtime.HuggingFace;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.HuggingFace;

/// <summary>Low-rank adapters on an imported model.</summary>
public sealed class ImportedAdapterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly StringWriter _text = new() { NewLine = "\n" };
    private readonly StringWriter _error = new() { NewLine = "\n" };

    [Fact]
    public void The_folder_is_the_frozen_model()
    {
        TinyModels.Gpt2().Save(_folder, "in", "BF16", files: 2);
        using var plain = HfGpt2.Create(CPU, seed: 1);
        using var model = HfGpt2Adapted.Create(CPU, seed: 2);
        PretrainedModel.Load(_folder["in"], plain);
        var from = model.LoadBase(_folder["in"]);
        Assert.Equal(_folder["in"], from.Path);
        Assert.All(Logits(plain).Zip(Logits(model)), pair => Assert.Equal(pair.First, pair.Second, 1e-6f));
    }

    [Fact]
    public void The_folder_of_another_model_is_refused_and_changes_nothing()
    {
        var checkpoint = TinyModels.Gpt2();
        checkpoint.Config["layer_norm_epsilon"] = 1e-5;
        checkpoint.Save(_folder, "in");
        using var model = HfGpt2Adapted.Create(CPU, seed: 2);
        using var before = model.Frozen.Master.clone();
        Assert.Contains("norm-epsilon: 1e-05", Assert.Throws<CheckpointException>(() => model.LoadBase(_folder["in"])).Message, StringComparison.Ordinal);
        checkpoint.Config["layer_norm_epsilon"] = 1e-4;
        checkpoint.Tensors.Remove("transformer.ln_f.bias");
        checkpoint.Save(_folder, "in");
        Assert.Contains("Missing: transformer.ln_f.bias.", Assert.Throws<CheckpointException>(() => model.LoadBase(_folder["in"])).Message, StringComparison.Ordinal);
        Assert.Equal(0, (model.Frozen.Master - before).abs().max().item<float>());
    }

    [Fact]
    public void They_are_trained_on_it_and_merged_into_a_folder_like_it()
    {
        var import = PretrainedImport.Run(TinyModels.Gpt2().Save(_folder, "in"), _folder["app"], "HfGpt2");
        var text = _folder.Write("text.txt", string.Concat(Enumerable.Repeat("ab a ab ab a b\n", 100)));
        Done<HfGpt2Adapted>("--data", text, "--tokens", "2", "--output", _folder["run"], "--base", import.WeightsFolder);
        Done<HfGpt2Adapted>("generate", "a b", "--tokens", "2", "--output", _folder["run"]);
        Done<HfGpt2Adapted>("merge", _folder["merged"], "--output", _folder["run"]);
        Done<HfGpt2>("generate", "a b", "--tokens", "2", "--output", _folder["merged"]);

        using var merged = HfGpt2.Create(CPU, seed: 1);
        using var plain = HfGpt2.Create(CPU, seed: 1);
        PretrainedModel.Load(_folder["merged"], merged);
        PretrainedModel.Load(import.WeightsFolder, plain);
        Assert.Equal(
            plain.Parameters.Layout.Where(parameter => parameter.Name.Contains(".mlp.", StringComparison.Ordinal) || parameter.Name.Contains(".attention.q.", StringComparison.Ordinal))
                .Where(parameter => parameter.Shape.Length == 2).Select(parameter => parameter.Name).Order(),
            plain.Parameters.Parameters().Zip(merged.Parameters.Parameters())
                .Where(pair => !pair.First.Value.equal(pair.Second.Value).all().item<bool>()).Select(pair => pair.First.Name).Order());

        var other = TinyModels.Gpt2();
        other.Tensors["transformer.wte.weight"].Values[0] = 7;
        other.Save(_folder, "other");
        Assert.Equal(ModelProgram.Failed, Run<HfGpt2Adapted>("generate", "a b", "--output", _folder["run"], "--base", _folder["other"]));
        Assert.Contains("is not the checkpoint that the adapters were trained on", _error.ToString(), StringComparison.Ordinal);
    }

    private void Done<TModel>(params string[] args)
        where TModel : ICompiledModel<TModel>
    {
        var code = Run<TModel>(args);
        Assert.Equal((ModelProgram.Done, ""), (code, _error.ToString()));
    }

    private int Run<TModel>(params string[] args)
        where TModel : ICompiledModel<TModel> =>
        ModelProgram.Run<TModel>(args, new ProgramOutput(_text, _error, null), default);

    private static float[] Logits(ICompiledModel model)
    {
        using var program = model.CreateInference();
        return program.Forward([1, 2, 3, 4, 5, 6, 7]).ToArray();
    }

    public void Dispose() => _folder.Dispose();
}
