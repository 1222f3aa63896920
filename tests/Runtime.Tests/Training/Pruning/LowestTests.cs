using ModelCompiler.Runtime.Training.Pruning;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Training.Pruning;

public sealed class LowestTests
{
    /// <summary>Many ties: the choice is that of a stable sort.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(39)]
    [InlineData(40)]
    public void Exactly_k_are_marked_and_of_equal_ones_the_first(int k)
    {
        using var scope = NewDisposeScope();
        var scores = Oracle.Integers(1, 6, 5, 40).to(ScalarType.Float32);
        var marks = Lowest.Of(scores, k);
        for (var row = 0; row < 5; row++)
        {
            float[] values = [.. scores[row].data<float>()];
            var expected = Enumerable.Range(0, 40).OrderBy(i => values[i]).Take(k).ToHashSet(); // OrderBy is stable
            Assert.Equal(Enumerable.Range(0, 40).Select(expected.Contains), marks[row].data<bool>());
        }
    }

    [Fact]
    public void Infinite_scores_have_their_place()
    {
        using var scope = NewDisposeScope();
        var scores = tensor([1, float.NegativeInfinity, 3, float.NegativeInfinity], [1, 4]);
        Assert.Equal([true, true, false, true], Lowest.Of(scores, 3)[0].data<bool>());
    }
}
