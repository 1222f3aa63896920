using ModelCompiler.Runtime.Training;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>Generated fp16 training whose loss scale begins too high.</summary>
public sealed class LossScaleTests
{
    [Fact]
    public void Steps_that_overflow_change_nothing_but_the_scale()
    {
        using var model = LlamaOverflow.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        var scaler = Scaler(training);
        var (tokens, targets) = GeneratedModels.Batch(model, seed: 1);
        using var before = model.Parameters.Master.clone();

        var result = training.Step(tokens, targets, 1e-3);
        Assert.True(result.Overflowed);
        Assert.True(double.IsFinite(result.Loss));
        Assert.False(double.IsFinite(result.GradientNorm));
        Assert.Equal((0, 1L, 8388608.0), (training.StepNumber, scaler.Overflows, scaler.Scale));
        Assert.Equal(before.bytes.ToArray(), model.Parameters.Master.bytes.ToArray());
        Assert.All(training.OptimizerState.Values, values => Assert.Equal(0, values.abs().max().item<float>()));

        while (training.Step(tokens, targets, 1e-3).Overflowed) Assert.InRange(scaler.Overflows, 1, 12);
        Assert.Equal(1, training.StepNumber);
        Assert.NotEqual(before.bytes.ToArray(), model.Parameters.Master.bytes.ToArray());
    }

    /// <summary>A step after overflows is the step that there would have been without them: the scale is a power of two.</summary>
    [Fact]
    public void Overflows_leave_no_trace_in_the_steps_after_them()
    {
        using var overflowing = LlamaOverflow.Create(CPU, seed: 1);
        using var plain = LlamaOverflow.Create(CPU, seed: 1);
        using var training = overflowing.CreateTraining();
        var (tokens, targets) = GeneratedModels.Batch(overflowing, seed: 1);
        while (training.Step(tokens, targets, 1e-3).Overflowed)
        {
        }

        using var other = plain.CreateTraining();
        var scale = Scaler(training).Scale;
        while (Scaler(other).Scale > scale) Scaler(other).Overflowed(1, double.PositiveInfinity);
        Assert.False(other.Step(tokens, targets, 1e-3).Overflowed);
        Assert.Equal(plain.Parameters.Master.bytes.ToArray(), overflowing.Parameters.Master.bytes.ToArray());
    }

    [Fact]
    public void A_resumed_run_continues_bit_identically_with_its_scale()
    {
        using var folder = new TemporaryFolder();
        var state = new RunState { SpecHash = LlamaOverflow.Definition.SpecHash, TokenizerHash = "", Source = "", SourceTokens = 0, Seed = 1, Steps = 40, Step = 20 };
        var whole = Losses(null, 40, folder["run"], state, out var scale);
        var resumed = Losses(folder["run"], 20, null, state, out var resumedScale);
        Assert.Equal(whole[20..], resumed);
        Assert.Equal(scale, resumedScale);
    }

    private static double[] Losses(string? from, int steps, string? save, RunState state, out double scale)
    {
        using var model = LlamaOverflow.Create(CPU, seed: from is null ? 1 : 2);
        using var training = model.CreateTraining();
        ICheckpointPart[] parts = [new OptimizerPart(training, model.Parameters), .. training.CheckpointParts];
        if (from is not null) ModelCheckpoint.Load(from, model, parts);
        var first = from is null ? 0 : state.Step;
        var losses = new double[steps];
        for (var i = 0; i < steps; i++)
        {
            if (first + i == state.Step && save is not null) ModelCheckpoint.Save(save, model, state, parts);
            var (tokens, targets) = GeneratedModels.Batch(model, seed: first + i);
            losses[i] = training.Step(tokens, targets, 1e-3).Loss;
        }

        scale = Scaler(training).Scale;
        return losses;
    }

    private static LossScaler Scaler(ITrainingProgram training) => training.CheckpointParts.OfType<LossScaler>().Single();
}
