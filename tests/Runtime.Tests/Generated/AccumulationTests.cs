using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Generated;

public sealed class AccumulationTests
{
    /// <summary>Three micro-batches of two sequences are one batch of six, up to the order of sums.</summary>
    [Fact]
    public void Micro_batches_are_one_large_batch() => Compare<LargeBatch, Accumulating>();

    [Fact]
    public void Also_where_layers_share_parameters() => Compare<SharedLargeBatch, SharedAccumulating>();

    /// <summary>Where MLPs run over halves of the rows, gradients are added up within a micro-batch too.</summary>
    [Fact]
    public void Also_by_halves_of_the_rows() => Compare<HalvedLargeBatch, HalvedAccumulating>();

    private static void Compare<TLarge, TSmall>()
        where TLarge : ICompiledModel<TLarge>
        where TSmall : ICompiledModel<TSmall>
    {
        using var scope = NewDisposeScope();
        using var large = TLarge.Create(CPU, seed: 5);
        using var small = TSmall.Create(CPU, seed: 5);
        using var once = large.CreateTraining();
        using var often = small.CreateTraining();
        var count = small.Description.Batch * small.Description.Context;
        for (var step = 0; step < 3; step++)
        {
            var (tokens, targets) = GeneratedModels.Batch(large, seed: step);
            once.Backpropagate(tokens, targets);
            for (var micro = 0; micro < 3; micro++)
                often.Backpropagate(tokens.AsSpan(micro * count, count), targets.AsSpan(micro * count, count));
            Assert.True((small.Parameters.Gradients - large.Parameters.Gradients).abs().max().item<float>() < 1e-5);
            var (expected, actual) = (once.Update(learningRate: 1e-3), often.Update(learningRate: 1e-3));
            Assert.Equal(expected.Loss, actual.Loss, 1e-5);
            Assert.Equal(expected.GradientNorm, actual.GradientNorm, 1e-4);
        }
    }
}
