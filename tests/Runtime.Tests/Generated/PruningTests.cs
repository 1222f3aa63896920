using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Tokenizers;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>Generated programs that prune: what is removed stays removed, and as much is removed as was declared.</summary>
public sealed class PruningTests
{
    private const int Steps = 12;

    /// <summary>Weights of the three matrices of an MLP, and of the four of an attention, in a layer.</summary>
    private const long Mlp = 3 * 32 * 64, Attention = (32 * 32 * 2) + (32 * 16 * 2);

    [Fact]
    public void Magnitude_in_all_targets_with_bf16_micro_batches_and_averages() => Check<PrunedCubic>(((3 * Mlp) + (32 * 32)) / 2);

    [Fact]
    public void A_pattern_under_muon()
    {
        Check<PrunedMuon>(3 * (Mlp + Attention) / 2);
        CheckPattern<PrunedMuon>(kept: 2, of: 4);
    }

    [Fact]
    public void Movement_with_moments_of_8_bits() => Check<PrunedMovement>(3 * 7 * (Mlp + Attention) / 10, tolerance: 21);

    [Fact]
    public void Wanda_in_shared_blocks()
    {
        Check<PrunedWanda>(2 * (Mlp + Attention) / 2);
        CheckPattern<PrunedWanda>(kept: 4, of: 8);
    }

    [Fact]
    public void Sparse_gpt_with_a_loss_scale() => Check<PrunedSparseGpt>(3 * (Mlp + Attention) / 2);

    [Fact]
    public void Rounds_with_rewinding() => Check<PrunedRounds>(3 * 3 * (Mlp + Attention) / 4);

    /// <summary>The weights that remain after a removal are those of the early step, and training goes on from there as it did then.</summary>
    [Fact]
    public void A_round_goes_back_to_the_early_step()
    {
        using var scope = NewDisposeScope();
        using var model = PrunedRounds.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        Tensor? early = null;
        for (var step = 1; step < Steps; step++)
        {
            Step(model, training, step);
            if (step == 3) early = model.Parameters.Master.clone();
            if (step is 6 or 9) Oracle.Same(early!.masked_fill(training.Pruning!.Removed, 0), model.Parameters.Master);
            Assert.Equal(step <= 3 ? step : 3 + (step % 3), training.Pruning!.Schedule.StepOfRound(step));
            Assert.Equal(step >= 9, training.Pruning.IsComplete);
        }
    }

    [Fact]
    public void Groups_of_heads_neurons_blocks_and_channels_are_removed() =>
        CheckRemoval<PrunedParts>(("blocks.1.attention.q.weight", [16, 24]), ("blocks.1.attention.k.weight", [8, 24]), ("blocks.0.mlp.down.weight", [24, 40]), ("embedding.weight", [256, 24]), ("norm.weight", [24]));

    [Fact]
    public void Heads_and_neurons_of_shared_blocks_are_removed() =>
        CheckRemoval<PrunedHeads>(("blocks.0.attention1.v.bias", [24]), ("blocks.0.attention2.proj.weight", [32, 24]), ("blocks.0.mlp2.up.weight", [100, 32]), ("blocks.0.mlp1.down.bias", [32]));

    [Fact]
    public void Blocks_of_the_layer_language_are_removed() => CheckRemoval<PrunedBlocks>(("stack.1.mlp.up.weight", [128, 32]));

    [Fact]
    public void Local_and_global_layers_are_removed_together() => CheckRemoval<PrunedTurns>(("blocks.0.mlp2.up.weight", [128, 32]));

    [Fact]
    public void Heads_and_neurons_of_an_encoder_are_removed()
    {
        using var scope = NewDisposeScope();
        using var model = PrunedEncoder.Create(CPU, seed: 1);
        GeneratedModels.Scramble(model);
        using var training = model.CreateTraining();
        for (var step = 1; step <= 4; step++) Step(model, training, step);
        using var smaller = model.RemovePruned();
        Assert.True(smaller.Parameters.ParameterCount < model.Parameters.ParameterCount);
        using var expected = model.CreateEncoder();
        using var actual = smaller.CreateEncoder();
        int[] tokens = [.. Enumerable.Range(0, 20).Select(i => (i * 37) % 256)];
        float[] wanted = [.. expected.Predict(tokens)], found = [.. actual.Predict(tokens)];
        Assert.InRange(wanted.Zip(found, (a, b) => Math.Abs(a - b)).Max(), 0, 1e-4 * wanted.Max(MathF.Abs));
    }

    [Fact]
    public void A_model_that_still_has_its_parts_is_not_made_smaller()
    {
        using var model = PrunedParts.Create(CPU, seed: 1);
        var error = Assert.Throws<CheckpointException>(() => model.RemovePruned());
        Assert.Contains("2 of 2 parts of 'blocks.0.attention' (heads) have weights, where 1 are to remain", error.Message, StringComparison.Ordinal);
        using var plain = Llama.Create(CPU, seed: 1);
        Assert.Null(((ICompiledModel)plain).RemovePruned());
        Assert.Same(Llama.Definition, plain.Description.Artifact);
    }

    /// <summary>The smaller model, on libtorch and in ONNX Runtime, gives the logits of the model whose parts are zero.</summary>
    private static void CheckRemoval<TModel>(params (string Name, long[] Shape)[] shapes)
        where TModel : ICompiledModel<TModel>
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = TModel.Create(CPU, seed: 1);
        GeneratedModels.Scramble(model);
        using var training = model.CreateTraining();
        for (var step = 1; step <= Steps; step++)
        {
            Step(model, training, step);
            Assert.Equal(0, Count(model.Parameters.Master, training.Pruning!.Removed));
        }

        using var smaller = model.RemovePruned()!;
        Assert.Same(model.Description.Artifact, smaller.Description);
        Assert.Equal(model.Parameters.ParameterCount - training.Pruning!.Removed.sum().item<long>(), smaller.Parameters.ParameterCount);
        var parameters = smaller.Parameters.Parameters().ToDictionary(pair => pair.Name, pair => pair.Value.shape);
        foreach (var (name, shape) in shapes) Assert.Equal(shape, parameters[name]);

        OnnxExport.Write(smaller, folder.Path, null, new ByteTokenizer(), []);
        using var exported = OnnxProgram.Open(model.Description.Artifact, folder.Path);
        using var expected = model.CreateInference();
        using var actual = smaller.CreateInference();
        int[] tokens = [.. Enumerable.Range(0, model.Description.Context).Select(i => (i * 37) % 256)];
        for (var i = 0; i < tokens.Length; i++)
        {
            float[] wanted = [.. expected.Forward(tokens.AsSpan(i, 1))], found = [.. actual.Forward(tokens.AsSpan(i, 1))], other = [.. exported.Forward(tokens.AsSpan(i, 1))];
            var scale = wanted.Max(MathF.Abs);
            Assert.InRange(wanted.Zip(found, (a, b) => Math.Abs(a - b)).Max(), 0, 1e-4 * scale);
            Assert.InRange(wanted.Zip(other, (a, b) => Math.Abs(a - b)).Max(), 0, 1e-4 * scale);
        }
    }

    [Fact]
    public void Unpruned_models_report_nothing_of_it()
    {
        using var model = Llama.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        Assert.Null(training.Pruning);
        Assert.Null(model.Description.Pruning);
    }

    private static void Check<TModel>(long expected, long tolerance = 0)
        where TModel : ICompiledModel<TModel>
    {
        using var scope = NewDisposeScope();
        using var model = TModel.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        var removed = training.Pruning!.Removed;
        for (var step = 1; step <= Steps; step++)
        {
            var before = removed.clone();
            Step(model, training, step);
            Assert.Equal(0, Count(model.Parameters.Master, removed));
            if (model.Parameters.Copy is { } copy) Assert.Equal(0, Count(copy.to(ScalarType.Float32), removed));
            Assert.Equal(0, Count(model.Parameters.Gradients, before));
            foreach (var (name, values) in training.OptimizerState)
            {
                if (values.numel() == model.Parameters.Length) Assert.Equal(0, Count(values, removed));
                else if (model.Parameters.Layout.FirstOrDefault(info => name.EndsWith("." + info.Name, StringComparison.Ordinal)) is { } info)
                    Assert.Equal(0, Count(values.reshape(-1), removed.narrow(0, info.Offset, info.Length)));
            }

            if (training.Average is not { } average) continue;
            average.Exchange();
            Assert.Equal(0, Count(model.Parameters.Master, removed));
            average.Exchange();
        }

        Assert.True(training.Pruning.IsComplete);
        Assert.InRange(removed.sum().item<long>(), expected - tolerance, expected + tolerance);
        // What is not removed is trained.
        var left = model.Parameters.Parameters().Where(pair => pair.Name.StartsWith("blocks", StringComparison.Ordinal)).Sum(pair => (pair.Value != 0).sum().item<long>());
        Assert.Equal(model.Parameters.Layout.Where(info => info.Name.StartsWith("blocks", StringComparison.Ordinal)).Sum(info => info.Length) - removed.sum().item<long>(), left);
    }

    private static void CheckPattern<TModel>(int kept, int of)
        where TModel : ICompiledModel<TModel>
    {
        using var scope = NewDisposeScope();
        using var model = TModel.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        for (var step = 1; step <= Steps; step++) Step(model, training, step);
        var matrices = model.Parameters.Parameters().Where(pair => pair.Name.StartsWith("blocks", StringComparison.Ordinal) && pair.Value.dim() == 2).ToArray();
        Assert.NotEmpty(matrices);
        foreach (var (_, weight) in matrices)
            Assert.Equal((kept, kept), ((int)(weight.reshape(-1, of) != 0).sum(1).min().item<long>(), (int)(weight.reshape(-1, of) != 0).sum(1).max().item<long>()));
    }

    private static void Step(ICompiledModel model, ITrainingProgram training, int step)
    {
        for (var micro = 0; micro < model.Description.Training.Accumulate; micro++)
        {
            var (tokens, targets) = GeneratedModels.Batch(model, (100 * step) + micro);
            training.Backpropagate(tokens, targets);
        }

        training.Update(learningRate: 1e-3);
    }

    /// <summary>Elements that are not zero where they should be.</summary>
    private static long Count(Tensor values, Tensor removed) => (values.masked_select(removed) != 0).sum().item<long>();
}
