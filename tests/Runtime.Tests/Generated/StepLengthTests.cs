using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>A program with steps of several lengths: each is the model at that length, in the arena of the longest.</summary>
public sealed class StepLengthTests
{
    [Fact]
    public void The_lengths_are_the_curriculums()
    {
        using var model = Lengths.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        Assert.Equal([8, 16, 24, 32], training.Lengths);
        Assert.Equal(training.ArenaBytes, (training.ArenaBytesUsed + 63) / 64 * 64);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(24)]
    [InlineData(32)]
    public void Gradients_at_a_length_are_autograds(int length)
    {
        using var scope = NewDisposeScope();
        using var model = Lengths.Create(CPU, seed: 5);
        GeneratedModels.Scramble(model);
        using var training = model.CreateTraining();
        var (allTokens, allTargets) = GeneratedModels.Batch(model, seed: 1);
        var (tokens, targets) = (allTokens[..(3 * length)], allTargets[..(3 * length)]);
        training.Backpropagate(allTokens, allTargets); // leaves values of another length in the arena
        var loss = training.Backpropagate(tokens, targets);

        var reference = new TorchReference(model, "lengths.model.yaml", step: 0);
        var expected = reference.Loss(tensor(tokens).view(3, length), tensor(targets).view(3, length));
        expected.backward();
        Assert.Equal(expected.item<float>(), loss, 1e-4);
        foreach (var info in model.Parameters.Layout)
        {
            var wanted = reference.Parameters[info.Name].grad!;
            var error = (model.Parameters.GradientView(info.Offset, info.Shape) - wanted).abs().max().item<float>();
            Assert.True(error < 1e-4, $"{info.Name}: {error}");
        }
    }

    [Fact]
    public void Another_length_is_refused()
    {
        using var model = Lengths.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        var error = Assert.Throws<ArgumentException>(() => { training.Backpropagate(new long[36], new long[36]); });
        Assert.Contains("36 tokens", error.Message);
    }
}
