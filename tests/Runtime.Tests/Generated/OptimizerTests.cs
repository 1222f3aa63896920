using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Generated;

public sealed class OptimizerTests
{
    /// <summary>At twice the rate the last loss hangs on the last bits of attention's products, and so on the lowering that a machine takes.</summary>
    [Fact]
    public void Sgd_learns() => Assert.InRange(TrainingTests.Train<OptimizerSgd>(0.15)[^10..].Average(), 0, 1.5);

    [Fact]
    public void Lion_learns() => Assert.InRange(TrainingTests.Train<OptimizerLion>(1e-3)[^1], 0, 1);

    [Fact]
    public void Muon_learns() => Assert.InRange(TrainingTests.Train<OptimizerMuon>(3e-3)[^1], 0, 1);

    [Fact]
    public void AdamW_with_8_bits_learns() => Assert.InRange(TrainingTests.Train<OptimizerAdamW8Bit>(3e-3)[^1], 0, 1);

    [Fact]
    public void Muon_takes_each_matrix_of_a_linear_layer_by_itself()
    {
        using var model = OptimizerMuon.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        var parameters = model.Parameters.Layout.ToDictionary(info => info.Name, info => info.Shape);
        var expected = parameters.Keys.Where(name => name.StartsWith("blocks.", StringComparison.Ordinal) && parameters[name].Length == 2).Order().ToArray();
        Assert.Equal(3 * 7, expected.Length);
        Assert.Equal(expected, Named("momentum_buffer."));
        Assert.Equal(parameters.Keys.Except(expected).Order(), Named("exp_avg."));
        foreach (var name in expected) Assert.Equal(parameters[name], training.OptimizerState["momentum_buffer." + name].shape);

        // Along with shapes and names, the places: an orthogonal update of each matrix, of the scale that its shape asks for.
        var before = model.Parameters.Parameters().ToDictionary(pair => pair.Name, pair => pair.Value.clone());
        var (tokens, targets) = GeneratedModels.Batch(model, seed: 1);
        training.Step(tokens, targets, learningRate: 1e-2);
        foreach (var name in expected)
        {
            var update = (model.Parameters.Parameters().Single(pair => pair.Name == name).Value - (before[name] * (1 - (1e-2 * 0.1)))) / -1e-2;
            var values = linalg.svdvals(update) / (0.2 * Math.Sqrt(parameters[name].Max()));
            Assert.InRange(values.max().item<float>(), 0.6f, 1.3f);
        }

        IEnumerable<string> Named(string prefix) =>
            training.OptimizerState.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Select(name => name[prefix.Length..]).Order();
    }
}
