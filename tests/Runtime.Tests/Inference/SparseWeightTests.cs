using ModelCompiler.Runtime.Inference.Packed;
using ModelCompiler.Runtime.Tests.Generated;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Inference;

/// <summary>Weights of the pattern 2:4, as far as a CPU tells; <c>GpuTests</c> compares their products.</summary>
public sealed class SparseWeightTests
{
    [Fact]
    public void What_sparse_tensor_cores_do_not_take_is_said()
    {
        using var scope = NewDisposeScope();
        var weight = TwoOfFour(randn(32, 64));
        Assert.Contains("half precision", SparseWeight.Obstacle(weight), StringComparison.Ordinal);
        Assert.Contains("multiples of 16, and it has 24 × 64", SparseWeight.Obstacle(weight.narrow(0, 0, 24).to(ScalarType.BFloat16)), StringComparison.Ordinal);
        Assert.Contains("pattern 2:4", SparseWeight.Obstacle(randn(32, 64).to(ScalarType.Float16)), StringComparison.Ordinal);
        Assert.Null(SparseWeight.Of(weight.to(ScalarType.BFloat16), out var obstacle));
        Assert.Contains("CUDA", obstacle, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 8)]
    [InlineData(8, 8)]
    [InlineData(9, 16)]
    public void Rows_are_filled_up_with_zeros(int count, int filled)
    {
        using var scope = NewDisposeScope();
        var x = randn(count, 16);
        var rows = SparseWeight.Filled(x, ScalarType.BFloat16);
        Assert.Equal([filled, 16], rows.shape);
        Assert.True(rows.is_contiguous());
        Assert.Equal(x.to(ScalarType.BFloat16), rows.narrow(0, 0, count));
        Assert.Equal(0, rows.narrow(0, count, filled - count).to(ScalarType.Float32).abs().sum().item<float>());
    }

    /// <summary>On other devices every layer keeps its weight, with the reason, and the model computes what it does without packing.</summary>
    [Fact]
    public void A_model_says_why_its_layers_stay_as_they_are()
    {
        using var model = PrunedTwoOfFour.Create(CPU, seed: 2);
        GeneratedModels.Scramble(model);
        TwoOfFour(model);
        using var plain = model.CreateInference();
        float[] wanted = [.. plain.Forward([5, 4, 3])];
        using var packed = PackedModel.Of(PrunedTwoOfFour.Create(CPU, seed: 2), []);
        Assert.Empty(packed.Weights.Layers);
        using var weights = PackedWeights.OfPattern(model);
        Assert.Empty(weights.Layers);
        Assert.Equal(["blocks.0.attention.proj", "blocks.0.attention.qkv"], weights.Kept.Where(kept => kept.Value.Contains("CUDA", StringComparison.Ordinal)).Select(kept => kept.Key).Order().Take(2));
        Assert.Contains("both sides", weights.Kept["blocks.1.mlp.up"], StringComparison.Ordinal);
        Assert.Contains("pattern 2:4", weights.Kept["head"], StringComparison.Ordinal);
        using var program = model.CreateInference(1, weights);
        Assert.Equal(wanted, program.Forward([5, 4, 3]).ToArray());
    }

    /// <summary>Keeps the two largest of every four neighbours in the matrices of blocks.</summary>
    internal static void TwoOfFour(ICompiledModel model)
    {
        foreach (var (name, value) in model.Parameters.Parameters())
            if (value.dim() == 2 && name.StartsWith("blocks.", StringComparison.Ordinal))
                using (var pruned = TwoOfFour(value)) value.copy_(pruned);
        model.Parameters.CastCompute();
    }

    private static Tensor TwoOfFour(Tensor weight)
    {
        using var scope = NewDisposeScope();
        var four = weight.reshape(-1, 4);
        var (_, largest) = four.abs().topk(2);
        return zeros_like(four).scatter_(1, largest, four.gather(1, largest)).view(weight.shape).MoveToOuterDisposeScope();
    }
}
