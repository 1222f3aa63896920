using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>Gradient checkpointing changes memory, and nothing else: not a bit of a gradient, with dropout too.</summary>
public sealed class CheckpointingTests
{
    [Fact]
    public void Every_block() => Compare<DropoutPlain, DropoutEveryOne>();

    [Fact]
    public void Every_second_block() => Compare<DropoutPlain, DropoutEveryTwo>();

    [Fact]
    public void Boundaries() => Compare<DropoutPlain, DropoutBoundaries>();

    [Fact]
    public void Segments_of_the_root() => Compare<DropoutPlain, DropoutSqrt>();

    /// <summary>Matrix products, attention and dropout run again within a block's backward pass.</summary>
    [Fact]
    public void Save() => Compare<DropoutPlain, DropoutSave>();

    [Fact]
    public void Budget()
    {
        Compare<DropoutPlain, DropoutBudget>();
        using var model = DropoutBudget.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        Assert.InRange(training.ArenaBytesUsed, 1, 280 * 1024);
    }

    [Fact]
    public void Every_block_by_halves() => Compare<HalvedPlain, HalvedEveryOne>();

    [Fact]
    public void Every_second_block_by_halves() => Compare<HalvedPlain, HalvedEveryTwo>();

    [Fact]
    public void Save_by_halves() => Compare<HalvedPlain, HalvedSave>();

    [Fact]
    public void Budget_by_halves() => Compare<HalvedPlain, HalvedBudget>();

    [Fact]
    public void Layers_in_a_row_by_halves() => Compare<HalvedRowsPlain, HalvedRowsEveryTwo>();

    [Fact]
    public void Layers_in_a_row_by_halves_with_save() => Compare<HalvedRowsPlain, HalvedRowsSave>();

    private static void Compare<TPlain, TModel>()
        where TPlain : ICompiledModel<TPlain>
        where TModel : ICompiledModel<TModel>
    {
        var (plain, plainBytes) = Gradients<TPlain>();
        var (checkpointed, bytes) = Gradients<TModel>();
        Assert.Equal(plain, checkpointed);
        Assert.True(bytes < plainBytes, $"{bytes} bytes instead of {plainBytes}");
    }

    private static (float[] Gradients, long Bytes) Gradients<TModel>()
        where TModel : ICompiledModel<TModel>
    {
        using var scope = NewDisposeScope();
        using var model = TModel.Create(CPU, seed: 3);
        using var training = model.CreateTraining();
        var (tokens, targets) = GeneratedModels.Batch(model, seed: 1);
        // The second step: its gradients depend on the first update, and its masks on the step.
        training.Step(tokens, targets, learningRate: 1e-3);
        training.Step(tokens, targets, learningRate: 1e-3);
        return (model.Parameters.Gradients.data<float>().ToArray(), training.ArenaBytes);
    }
}
