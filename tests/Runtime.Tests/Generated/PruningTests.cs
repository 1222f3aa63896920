using ModelCompiler.Runtime.Training;
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
