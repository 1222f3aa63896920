using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Onnx.Rounding;
using ModelCompiler.Runtime.Tokenizers;
using ModelCompiler.Runtime.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>Quantization-aware training against the same models without it, whose weights are rounded by hand.</summary>
public sealed class QuantizedTrainingTests
{
    /// <summary>Straight-through: loss and gradients are those of the plain model at the rounded weights.</summary>
    [Fact]
    public void Gradients_are_those_at_the_rounded_weights() => Compare<Quantized, Llama>();

    [Fact]
    public void Also_in_bf16() => Compare<QuantizedBf16, Gpt2Bf16>();

    [Fact]
    public void Products_read_what_the_export_rounds_to()
    {
        using var model = Quantized.Create(CPU, seed: 1);
        GeneratedModels.Scramble(model);
        Check(model);
        using var training = model.CreateTraining();
        var (tokens, targets) = GeneratedModels.Batch(model, seed: 1);
        training.Step(tokens, targets, learningRate: 1e-2);
        Check(model); // after an update
        Assert.Equal(
            ["blocks.1.mlp.down.weight"],
            model.Parameters.Layout.Where(info => info.Layer is not null && IsMaster(model.Parameters, info)).Select(info => info.Name));
    }

    [Fact]
    public void Averages_shared_blocks_and_micro_batches_are_rounded_too()
    {
        using var model = QuantizedAveraging.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        GeneratedModels.Scramble(model);
        var (tokens, targets) = GeneratedModels.Batch(model, seed: 1);
        for (var step = 0; step < 2; step++)
        {
            training.Backpropagate(tokens, targets);
            training.Step(tokens, targets, learningRate: 1e-2);
        }

        Check(model);
        training.Average!.Exchange();
        Check(model);
        Assert.All(model.Parameters.Layout.Where(info => info.Layer is not null), info => Assert.False(IsMaster(model.Parameters, info)));
    }

    [Fact]
    public void A_run_begins_with_the_weights_as_they_are_and_validates_rounded_ones()
    {
        using var folder = new Training.TrainingFolder();
        using var data = folder.OpenData();
        using var model = QuantizedAveraging.Create(CPU, seed: 1);
        var log = new Log(model);
        new Trainer(model, data, Training.TestSettings.Start<QuantizedAveraging>(data, steps: 4), folder["run"]).Run(log, default);
        Assert.Equal([false, false, true, true], log.Steps);
        Assert.Equal([true], log.Validations);
    }

    /// <summary>The exported integers are the trained ones: what is left is what 8 bits of activations cost.</summary>
    [Fact]
    public void The_export_computes_what_the_model_does()
    {
        var trained = Error<Quantized>(Quantized.Definition.Quantization);
        // The same weights rounded after training are far off.
        var rounded = Error<Llama>(Quantized.Definition.Quantization! with { Method = RoundingMethod.Nearest });
        Assert.True(trained < 0.05 && trained < rounded / 2, $"{trained} as trained, {rounded} rounded afterwards");
        Assert.InRange(Error<QuantizedAveraging>(QuantizedAveraging.Definition.Quantization), 0, 0.05);
        Integers<Quantized>();
        Integers<QuantizedAveraging>();
    }

    private static void Integers<TModel>()
        where TModel : ICompiledModel<TModel>
    {
        using var scope = NewDisposeScope();
        using var model = TModel.Create(CPU, seed: 2);
        GeneratedModels.Scramble(model);
        using var read = model.Parameters.Snapshot();
        var plan = new QuantizationPlan(model.Description.Quantization!);
        foreach (var info in model.Parameters.Layout.Where(info => info.Layer is not null))
        {
            if (plan.GridOf(info.Layer!, (int)info.Shape[1]) is not { } grid) continue;
            var weight = read.MasterView(info.Offset, info.Shape);
            var (rounded, values) = (new NearestRounding().Round("layer", weight, grid), weight.data<float>().ToArray());
            var (columns, groups) = ((int)info.Shape[1], rounded.Scales.Length / (int)info.Shape[0]);
            for (var i = 0; i < values.Length; i++)
            {
                var scale = rounded.Scale((i / columns * groups) + (i % columns / grid.Group));
                Assert.Equal(values[i], (rounded.Codes[i] - scale.Zero) * scale.Scale, 1e-6f);
            }
        }
    }

    [Fact]
    public void An_export_in_fp32_has_the_rounded_weights() => Assert.InRange(Error<Quantized>(null), 0, 1e-4);

    private static double Error<TModel>(QuantizationSpec? quantization)
        where TModel : ICompiledModel<TModel>
    {
        using var folder = new TemporaryFolder();
        using var model = TModel.Create(CPU, seed: 2);
        GeneratedModels.Scramble(model);
        OnnxExport.Write(model, folder.Path, quantization, new ByteTokenizer(), []);
        using var expected = model.CreateInference();
        using var actual = OnnxProgram.Open(model.Description, folder.Path);
        int[] tokens = [.. Enumerable.Range(0, model.Description.Context).Select(i => (i * 37) % 256)];
        float[] wanted = [.. expected.Forward(tokens)], found = [.. actual.Forward(tokens)];
        return wanted.Zip(found, (a, b) => Math.Abs(a - b)).Max() / wanted.Max(MathF.Abs);
    }

    private static void Compare<TQuantized, TPlain>()
        where TQuantized : ICompiledModel<TQuantized>
        where TPlain : ICompiledModel<TPlain>
    {
        using var scope = NewDisposeScope();
        using var quantized = TQuantized.Create(CPU, seed: 5);
        using var plain = TPlain.Create(CPU, seed: 5);
        GeneratedModels.Scramble(quantized);
        using var training = quantized.CreateTraining();
        using var reference = plain.CreateTraining();
        var (tokens, targets) = GeneratedModels.Batch(quantized, seed: 3);
        foreach (var rounds in new[] { true, false })
        {
            quantized.Parameters.Quantized = rounds;
            using var masters = quantized.Parameters.Snapshot();
            plain.Parameters.Master.copy_(rounds ? masters.Master : quantized.Parameters.Master);
            plain.Parameters.CastCompute();
            Assert.Equal(reference.Backpropagate(tokens, targets), training.Backpropagate(tokens, targets), 1e-6);
            Assert.True((quantized.Parameters.Gradients - plain.Parameters.Gradients).abs().max().item<float>() < 1e-6);
        }
    }

    /// <summary>The copy against the export's rounding, which is written apart from the kernel.</summary>
    private static void Check(ICompiledModel model)
    {
        using var scope = NewDisposeScope();
        var plan = new QuantizationPlan(model.Description.Quantization!);
        foreach (var info in model.Parameters.Layout.Where(info => info.Layer is not null))
        {
            var (rows, columns) = ((int)info.Shape[0], (int)info.Shape[1]);
            var master = model.Parameters.MasterView(info.Offset, rows, columns).data<float>().ToArray();
            var copy = model.Parameters.Weight(info.Offset, rows, columns).data<float>().ToArray();
            for (var row = 0; row < rows; row++)
            {
                if (plan.GridOf(info.Layer!, columns) is not { } grid) break;
                for (var start = row * columns; start < (row + 1) * columns; start += grid.Group)
                {
                    var group = master.AsSpan(start, Math.Min(grid.Group, ((row + 1) * columns) - start));
                    var scale = grid.Cover(group);
                    for (var i = 0; i < group.Length; i++) Assert.Equal(grid.Round(group[i], scale), copy[start + i], 1e-6f);
                }
            }
        }
    }

    private static bool IsMaster(ParameterStore store, ParameterInfo info)
    {
        using var scope = NewDisposeScope();
        return store.MasterView(info.Offset, info.Shape).allclose(store.Weight(info.Offset, info.Shape), rtol: 0, atol: 0);
    }

    private sealed class Log(ICompiledModel model) : ITrainingObserver
    {
        public List<bool> Steps { get; } = [];

        public List<bool> Validations { get; } = [];

        public void Stepped(StepReport report) => Steps.Add(model.Parameters.Quantized);

        public void Validated(int step, EvaluationResult result) => Validations.Add(model.Parameters.Quantized);
    }
}
