using System.Text.Json;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Tests.Generated;
using ModelCompiler.Runtime.Training;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Onnx;

/// <summary>Exports beside the models that they come from, on held-out text: what passes, and what does not.</summary>
public sealed class OnnxVerificationTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Export => _folder["export"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_decoder() => Passes<Gpt2>(1e-4);

    [Fact]
    public void A_decoder_in_bf16() => Passes<Gpt2Bf16>(0.5);

    [Fact]
    public void A_decoder_in_standard_operators() => Passes<Gpt2>(1e-4, opsetOnly: true);

    [Fact]
    public void A_state_of_convolutions() => Passes<GatedConvolution>(1e-4);

    [Fact]
    public void A_memory_of_segments() => Passes<TransformerXlPlain>(1e-4);

    /// <summary>With a longer one in evaluation than in training.</summary>
    [Fact]
    public void A_memory_of_segments_with_every_option() => Passes<TransformerXlSame>(1e-4);

    [Fact]
    public void A_memory_of_segments_in_standard_operators() => Passes<TransformerXlPlain>(1e-4, opsetOnly: true);

    /// <summary>Its held-out batches are tasks, of texts shorter than the context.</summary>
    [Fact]
    public void A_model_that_learns_to_adapt() => Passes<MetaLlama>(1e-4, opsetOnly: true);

    [Fact]
    public void A_masked_encoder() => Passes<Bert>(1e-4);

    [Fact]
    public void An_encoder_of_two_tasks() => Passes<Albert>(1e-4);

    [Fact]
    public void A_classifier() => Passes<Classifier>(1e-4);

    [Fact]
    public void A_loss_that_is_off_is_an_error() =>
        Assert.Contains("loss on held-out text", Failure<Gpt2>(parameters => parameters["head.weight"].mul_(6)).Message, StringComparison.Ordinal);

    /// <summary>The loss of all positions does not see one of them.</summary>
    [Fact]
    public void A_single_position_that_is_off_is_an_error()
    {
        var message = Failure<Gpt2>(parameters => parameters.Single(pair => pair.Key.Contains("position", StringComparison.Ordinal)).Value.select(0, 23).neg_()).Message;
        Assert.Contains("logits on held-out text differ by up to", message, StringComparison.Ordinal);
    }

    /// <summary>What an encoder says of a text is held beside its logits too.</summary>
    [Fact]
    public void A_class_that_is_off_is_an_error() => Failure<Classifier>(parameters => parameters.Values.Single(value => value.dim() == 1 && value.size(0) == 3).add_(tensor([0.01f, 0, 0])));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_forward_pass_of_training_is_held_beside_it(bool opsetOnly)
    {
        Check<Gpt2>();
        Check<TransformerXlPlain>();

        void Check<TModel>()
            where TModel : ICompiledModel<TModel>
        {
            using var model = Create<TModel>();
            using var other = Create<TModel>();
            other.Parameters.Parameters().Single(parameter => parameter.Name == "head.weight").Value.mul_(6);
            using var data = Open<TModel>();
            Assert.Throws<OnnxException>(() => OnnxExport.WriteVerified(new TrainedAs(model, other), Export, null, data, opsetOnly, ExportWatch.None));
        }
    }

    [Fact]
    public void An_export_that_fails_leaves_the_one_before()
    {
        using var model = Create<Gpt2>();
        using var other = Create<Gpt2>();
        other.Parameters.Parameters().Single(parameter => parameter.Name == "head.weight").Value.mul_(6);
        using var data = Open<Gpt2>();
        OnnxExport.WriteVerified(model, Export, new QuantizationSpec { Weights = WeightType.Int8 }, data, opsetOnly: false, ExportWatch.None);
        var before = Files();
        Assert.Throws<OnnxException>(() => OnnxExport.WriteVerified(new TrainedAs(model, other), Export, null, data, opsetOnly: false, ExportWatch.None));
        Assert.Equal(before, Files());
        Assert.Equal(["export", "text.txt"], Directory.EnumerateFileSystemEntries(_folder.Path).Select(path => Path.GetFileName(path)).Order());

        string[] Files() => [.. Directory.EnumerateFiles(Export).Order().Select(path => $"{path} {Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(path)))}")];
    }

    [Theory]
    [InlineData("calibrating")]
    [InlineData("scaling channels")]
    [InlineData("measuring layers")]
    [InlineData("rounding weights")]
    [InlineData("verifying")]
    public void Each_part_is_followed_and_can_be_ended(string part)
    {
        using var model = Create<Llama>();
        using var data = Open<Llama>();
        using var stop = new CancellationTokenSource();
        var (parts, steps, most) = (new List<string>(), 0, 0);
        var watch = new ExportWatch(
            (what, count, run) =>
            {
                parts.Add(what);
                if (what == part) most = count;
                run(() =>
                {
                    if (what != part) return;
                    steps++;
                    stop.Cancel();
                });
            },
            stop.Token);
        var quantization = new QuantizationSpec { Weights = WeightType.Int4, Group = 16, Method = RoundingMethod.Awq, Keep = EquatableArray.Of(QuantizationSpec.Auto) };
        Assert.ThrowsAny<OperationCanceledException>(() => OnnxExport.WriteVerified(model, Export, quantization, data, opsetOnly: false, watch));
        Assert.Equal((part, 1), (parts[^1], steps));
        Assert.InRange(most, 2, 128);
        Assert.Equal(_folder["text.txt"], Assert.Single(Directory.EnumerateFileSystemEntries(_folder.Path)));
    }

    private static TModel Create<TModel>()
        where TModel : ICompiledModel<TModel>
    {
        var model = TModel.Create(CPU, seed: 2);
        GeneratedModels.Scramble(model);
        return model;
    }

    /// <summary>A text for the model's objective, a part of it held out.</summary>
    private Dataset Open<TModel>()
        where TModel : ICompiledModel<TModel>
    {
        var training = TModel.Definition.Training;
        var source = training.Meta is not null ? _folder.Write("text.jsonl", Lines(i => $$"""{"text": "task {{i % 6}} says {{i}}", "task": "{{i % 6}}"}"""))
            : training.Objective.Kind == ObjectiveKind.Classification ? _folder.Write("text.jsonl", Lines(i => $$"""{"text": "{{new string('x', i % 9)}} of {{i}}", "label": "{{i % 3}}"}"""))
            : _folder.Write("text.txt", Lines(i => $"the quick brown fox {i} jumps over the lazy dog"));
        return Dataset.Open(training with { Source = source, Validation = 0.2 }, TModel.Definition.Vocabulary);
    }

    private static string Lines(Func<int, string> line) => string.Join('\n', Enumerable.Range(0, 120).Select(line));

    private void Passes<TModel>(double tolerance, bool opsetOnly = false)
        where TModel : ICompiledModel<TModel>
    {
        using var model = Create<TModel>();
        using var data = Open<TModel>();
        var found = OnnxExport.WriteVerified(model, Export, null, data, opsetOnly, ExportWatch.None);
        Assert.InRange(found.Exported.Loss, (1 - tolerance) * found.Original.Loss, (1 + tolerance) * found.Original.Loss);
        Assert.InRange(found.Original.Loss, 0.5, 12);
        Assert.Equal(found.Original.Measures.Select(measure => measure.Name), found.Exported.Measures.Select(measure => measure.Name));
        foreach (var (exported, original) in found.Exported.Measures.Zip(found.Original.Measures)) Assert.Equal(original.Value, exported.Value, 1e-3);

        using var written = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Export, OnnxVerification.File)));
        var result = written.RootElement.GetProperty("exported");
        Assert.Equal(found.Exported.Loss, result.GetProperty("loss").GetDouble(), 1e-12);
        var (objective, meta) = (model.Description.Training.Objective.Kind, model.Description.Training.Meta);
        Assert.Equal(objective == ObjectiveKind.Causal && meta is null, result.TryGetProperty("bits_per_byte", out _));
        Assert.Equal(objective != ObjectiveKind.Causal, result.TryGetProperty("measures", out var measures) && measures.GetArrayLength() > 0);
        Assert.DoesNotContain("NaN", found.Exported.ToString(), StringComparison.Ordinal);
    }

    /// <summary>What is said of an export whose original was changed after it.</summary>
    private OnnxException Failure<TModel>(Action<Dictionary<string, Tensor>> change)
        where TModel : ICompiledModel<TModel>
    {
        using var model = Create<TModel>();
        using var data = Open<TModel>();
        OnnxExport.Write(model, Export, null, data.Tokenizer, []);
        OnnxVerification.Run(model, Export, data, exact: true);
        using (no_grad()) change(model.Parameters.Parameters().ToDictionary(parameter => parameter.Name, parameter => parameter.Value));
        return Assert.Throws<OnnxException>(() => OnnxVerification.Run(model, Export, data, exact: true));
    }

    /// <summary>A model whose forward pass of training is that of another.</summary>
    private sealed class TrainedAs(ICompiledModel model, ICompiledModel other) : ICompiledModel
    {
        public ModelDescription Description => model.Description;

        public ParameterStore Parameters => model.Parameters;

        public Device Device => model.Device;

        public ITrainingProgram CreateTraining() => other.CreateTraining();

        public IInferenceProgram CreateInference(int batch = 1) => model.CreateInference(batch);

        public void Define(OnnxGraph graph) => model.Define(graph);

        public void Dispose()
        {
        }
    }
}
