using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>Low-rank adapters: their gradients, what stays as it was, and their merging.</summary>
public sealed class AdapterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Gradients() => Compare<Adapted>("adapted.model.yaml", 1e-4);

    [Fact]
    public void Gradients_in_bf16() => Compare<AdaptedBf16>("adapted-bf16.model.yaml", 0.1);

    [Fact]
    public void Only_adapters_have_gradients_and_state()
    {
        using var model = AdaptedWide.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        Assert.All(model.Parameters.Layout, info => Assert.Contains(".lora_", info.Name));
        Assert.DoesNotContain(model.Frozen.Layout, info => info.Name.Contains(".lora_"));
        Assert.Equal(2 * 4 * (32 * 2 * 2) * 2L, training.OptimizerState.Values.Sum(state => state.numel()));
        Assert.Equal(AdaptedWide.Cost.TrainedParameters, model.Parameters.ParameterCount);
        Assert.Equal(AdaptedWide.Cost.Parameters, model.Parameters.ParameterCount + model.Frozen.ParameterCount);
        Assert.Equal(AdaptedWide.Cost.ActivationBytes, training.ArenaBytes);
    }

    /// <summary>The head's weight would have the largest gradient of all; its product with the loss is chunked.</summary>
    [Fact]
    public void Training_leaves_the_frozen_weights_as_they_are_and_lowers_the_loss()
    {
        using var scope = NewDisposeScope();
        using var model = AdaptedWide.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        using var before = model.Frozen.Master.clone();
        var (tokens, targets) = GeneratedModels.Batch(model, seed: 1);
        var first = training.Evaluate(tokens, targets);
        for (var step = 0; step < 20; step++) training.Step(tokens, targets, 0.02);

        Assert.True(training.Evaluate(tokens, targets) < first - 0.01);
        Assert.Equal(0, (model.Frozen.Master - before).abs().max().item<float>());
    }

    [Fact]
    public void Fresh_adapters_change_nothing()
    {
        using var plain = AdaptedBase.Create(CPU, seed: 3);
        using var model = Adapted.Create(CPU, seed: 4);
        Assert.Equal(plain.Parameters.Layout.Select(i => i.Name).Order(), model.Frozen.Layout.Select(i => i.Name).Order());
        model.LoadBase(Save(plain));
        AssertLogits(Logits(plain), Logits(model), 1e-5f);
    }

    [Fact]
    public void Merged_weights_give_what_adapters_gave()
    {
        using var model = Trained();
        using var other = AdaptedBase.Create(CPU, seed: 6);
        var from = model.LoadBase(Save(other));
        var unmerged = Logits(model);
        Assert.Contains(Logits(other).Zip(unmerged), p => Math.Abs(p.First - p.Second) > 1e-2);
        model.Merge();
        AssertLogits(unmerged, Logits(model), 1e-5f);

        // As a checkpoint of the model without adapters.
        var path = Path.Combine(_folder.Path, "merged.safetensors");
        Adapters.SaveBase(path, model, State(model.Description.SpecHash) with { Base = from });
        using var plain = AdaptedBase.Create(CPU, seed: 5);
        ModelCheckpoint.Load(path, plain);
        AssertLogits(unmerged, Logits(plain), 1e-5f);
    }

    [Fact]
    public void Merged_weights_in_bf16()
    {
        using var model = AdaptedBf16.Create(CPU, seed: 1);
        GeneratedModels.Scramble(model);
        var unmerged = Logits(model);
        model.Merge();
        AssertLogits(unmerged, Logits(model), 0.1f);
    }

    /// <summary>A checkpoint of the run has the adapters alone.</summary>
    [Fact]
    public void Adapters_are_saved_alone()
    {
        using var model = Trained();
        var path = Path.Combine(_folder.Path, "adapters.safetensors");
        ModelCheckpoint.Save(path, model, State(model.Description.SpecHash) with { Base = new("base", "d", "s") });
        Assert.InRange(new FileInfo(path).Length, Adapted.Cost.TrainedParameters * 4, (Adapted.Cost.TrainedParameters * 4) + 16_000);

        using var other = Adapted.Create(CPU, seed: 9);
        other.Frozen.Master.copy_(model.Frozen.Master);
        var state = ModelCheckpoint.Load(path, other);
        Assert.Equal(new BaseCheckpoint("base", "d", "s"), state.Base);
        AssertLogits(Logits(model), Logits(other), 0);
    }

    [Fact]
    public void A_checkpoint_of_another_model_is_refused_and_changes_nothing()
    {
        using var other = Gpt2.Create(CPU, seed: 1);
        using var model = Adapted.Create(CPU, seed: 1);
        using var before = model.Frozen.Master.clone();
        var error = Assert.Throws<CheckpointException>(() => model.LoadBase(Save(other)));
        Assert.Contains("Adapted is built on", error.Message);
        Assert.Equal(0, (model.Frozen.Master - before).abs().max().item<float>());
    }

    private static void Compare<TModel>(string file, double tolerance)
        where TModel : ICompiledModel<TModel>
    {
        using var scope = NewDisposeScope();
        using var model = TModel.Create(CPU, seed: 1);
        GeneratedModels.Scramble(model);
        var (tokens, targets) = GeneratedModels.Batch(model, seed: 1);
        var reference = new TorchReference(model, file, step: 0);
        Tensor Rows(long[] values) => tensor(values).view(model.Description.Batch, model.Description.Context);
        var expected = reference.Loss(Rows(tokens), Rows(targets));
        expected.backward();

        using var training = model.CreateTraining();
        var loss = training.Backpropagate(tokens, targets);
        // Of a step of several micro-batches, each weighs its share.
        Assert.Equal(expected.item<float>(), loss, tolerance);
        GradientTests.AssertClose(model, reference, tolerance, 1.0 / model.Description.Training.Accumulate);
    }

    private static Adapted Trained()
    {
        var model = Adapted.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        var (tokens, targets) = GeneratedModels.Batch(model, seed: 1);
        for (var step = 0; step < 10; step++) training.Step(tokens, targets, 0.05);
        return model;
    }

    private string Save(ICompiledModel model)
    {
        var path = Path.Combine(_folder.Path, model.Description.Name + ".safetensors");
        ModelCheckpoint.Save(path, model, State(model.Description.SpecHash));
        return path;
    }

    private static RunState State(string hash) => new() { SpecHash = hash, TokenizerHash = "t", Source = "s", SourceTokens = 1, Seed = 1, Steps = 1 };

    private static float[] Logits(ICompiledModel model)
    {
        using var program = model.CreateInference();
        return program.Forward([1, 2, 3, 4, 5, 6, 7]).ToArray();
    }

    private static void AssertLogits(float[] expected, float[] actual, float tolerance) =>
        Assert.True(expected.Zip(actual).All(p => Math.Abs(p.First - p.Second) <= tolerance), $"{expected.Zip(actual).Max(p => Math.Abs(p.First - p.Second))}");
}
