using ModelCompiler.Runtime.Tests.Generated;
using ModelCompiler.Runtime.Training;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Training;

public sealed class WeightAverageTests
{
    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void It_is_the_moving_average_of_the_parameters(bool warmup, bool byOperators)
    {
        using var scope = NewDisposeScope();
        using var store = new ParameterStore(CPU, ParameterStoreTests.Layout, ScalarType.BFloat16);
        using var average = new WeightAverage(store, decay: 0.6, warmup) { ByOperators = byOperators };
        var expected = zeros(store.Length, ScalarType.Float64);
        for (var step = 1; step <= 10; step++)
        {
            store.Master.copy_(Oracle.Normal(step, ScalarType.Float32, store.Length));
            average.Update(step);
            var decay = step == 1 ? 0 : warmup ? Math.Min(0.6, (1.0 + step) / (10 + step)) : 0.6;
            expected = (expected * decay) + (store.Master.to(ScalarType.Float64) * (1 - decay));
        }

        var parameters = store.Master.clone();
        average.Exchange();
        Oracle.Close(expected, store.Master, "average", 1e-6);
        Oracle.Same(store.Master.to(ScalarType.BFloat16), store.Weight(0, store.Length));
        average.Exchange();
        Oracle.Same(parameters, store.Master);
        Oracle.Same(parameters.to(ScalarType.BFloat16), store.Weight(0, store.Length));
    }

    /// <summary>A validation is reported at the step after it, which a resumed run makes.</summary>
    [Fact]
    public void A_validation_at_the_end_of_a_part_of_a_run_is_reported_by_the_next()
    {
        using var folder = new TrainingFolder();
        using var data = folder.OpenData();
        using var model = BigramModel.Create(CPU, 1);
        using var average = new WeightAverage(model.Parameters, decay: 0.9, warmup: false);
        using var resumed = new WeightAverage(model.Parameters, decay: 0.9, warmup: false);
        Assert.True(average.Validated(1.25));
        ModelCheckpoint.Save(folder["run.safetensors"], model, TestSettings.Start<BigramModel>(data, steps: 1), average);
        ModelCheckpoint.Load(folder["run.safetensors"], model, resumed);
        foreach (var each in new[] { average, resumed })
        {
            var metrics = new StepMetrics();
            each.Report(metrics);
            Assert.Equal(1.25, metrics.Find("ema-validation"));
        }
    }

    [Fact]
    public void A_step_that_is_not_finite_leaves_it_as_it_is()
    {
        using var model = Averaging.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        long[] tokens = [.. Enumerable.Range(0, 64).Select(i => i * 7L % 256)];
        training.Step(tokens, tokens, learningRate: 1e-2);
        model.Parameters.Master.fill_(float.NaN);
        model.Parameters.CastCompute();
        Assert.False(training.Step(tokens, tokens, learningRate: 1e-2).IsFinite);
        training.Average!.Exchange();
        Assert.True(model.Parameters.Master.isfinite().all().item<bool>());
    }
}
