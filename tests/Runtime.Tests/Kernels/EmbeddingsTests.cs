using ModelCompiler.Runtime.Implementations;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

public sealed class EmbeddingsTests : KernelTest
{
    [Theory]
    [MemberData(nameof(Cases))]
    public void EmbeddingAndItsGradient(ScalarType type, bool aten)
    {
        const long B = 3, T = 11, V = 7, C = 21;
        var (tokens, weight, dy) = (Oracle.Integers(1, V - 1, B, T), Oracle.Normal(2, type, V, C), Oracle.Normal(3, type, B * T, C));
        var (value, gradients) = Oracle.Differentiate(i => i[0].index_select(0, tokens.view(-1)), dy, weight);
        var (y, dWeight) = (Oracle.Unwritten(type, B * T, C), Oracle.Unwritten(ScalarType.Float32, V, C));
        (aten ? AtenEmbeddings.Embedding : (Action<Tensor, Tensor, Tensor>)Kernels.Embedding)(tokens, weight, y);
        Oracle.Close(value, y, tolerance: 0);
        foreach (var accumulate in new[] { false, true })
        {
            (aten ? AtenEmbeddings.EmbeddingGrad : (Action<Tensor, Tensor, bool, Tensor>)Kernels.EmbeddingGrad)(dy, tokens, accumulate, dWeight);
            Oracle.Close(gradients[0] * (accumulate ? 2 : 1), dWeight, "dWeight");
        }
    }

    [Theory]
    [InlineData(7)]
    [InlineData(-1)]
    public void ATokenOutsideTheVocabularyThrows(long token)
    {
        var y = zeros(1, 4);
        Assert.ThrowsAny<Exception>(() => Kernels.Embedding(tensor([token]).view(1, 1), zeros(7, 4), y));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void AddPositionAndItsGradient(ScalarType type, bool aten)
    {
        const long B = 3, T = 5, Context = 7, C = 21;
        var (x, weight) = (Oracle.Normal(1, type, B * T, C), Oracle.Normal(2, type, Context, C));
        var expected = x.to(ScalarType.Float64) + weight.narrow(0, 0, T).to(ScalarType.Float64).repeat(B, 1);
        var y = Oracle.Unwritten(type, B * T, C);
        var add = aten ? AtenEmbeddings.AddPosition : (Action<Tensor, Tensor, long, Tensor>)Kernels.AddPosition;
        add(x, weight, T, y);
        Oracle.Close(expected, y);
        var dWeight = Oracle.Unwritten(ScalarType.Float32, Context, C);
        foreach (var accumulate in new[] { false, true })
        {
            (aten ? AtenEmbeddings.AddPositionGrad : (Action<Tensor, long, bool, Tensor>)Kernels.AddPositionGrad)(x, T, accumulate, dWeight);
            var sum = x.to(ScalarType.Float64).view(B, T, C).sum([0]);
            Oracle.Close(cat([sum, zeros_like(sum.narrow(0, 0, Context - T))]) * (accumulate ? 2 : 1), dWeight, "dWeight");
        }

        add(x, weight, T, x);
        Oracle.Close(expected, x, "in place");
    }

    [Fact]
    public void AddPositionAtStartsAtThePosition()
    {
        var (x, weight, y) = (Oracle.Normal(1, ScalarType.Float32, 3, 8), Oracle.Normal(2, ScalarType.Float32, 9, 8), zeros(3, 8));
        Kernels.AddPositionAt(x, weight, new([0], [4], [0]), y);
        Oracle.Close(x + weight.narrow(0, 4, 3), y);
    }
}
