using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Tests.Generated;
using ModelCompiler.Runtime.Tokenizers;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Onnx;

/// <summary>Each form of quantization, run in ONNX Runtime against the model that it comes from.</summary>
public sealed class OnnxQuantizationTests
{
    [Theory]
    [InlineData(WeightType.Int8, RoundingMethod.Nearest, 0.1)]
    [InlineData(WeightType.Int8, RoundingMethod.Gptq, 0.1)]
    [InlineData(WeightType.Int8, RoundingMethod.Awq, 0.1)]
    [InlineData(WeightType.Int8, RoundingMethod.SmoothQuant, 0.1)]
    [InlineData(WeightType.Int4, RoundingMethod.Gptq, 0.5)]
    [InlineData(WeightType.Int4, RoundingMethod.Awq, 0.5)]
    [InlineData(WeightType.Int4, RoundingMethod.Hqq, 0.5)]
    [InlineData(WeightType.Int2, RoundingMethod.Gptq, 2)]
    [InlineData(WeightType.Int2, RoundingMethod.Hqq, 2)]
    public void Methods(WeightType weights, RoundingMethod method, double tolerance)
    {
        Assert.InRange(Error<Llama>(new QuantizationSpec { Weights = weights, Group = 16, Method = method }), 1e-5, tolerance);
        if (weights != WeightType.Int8) Assert.InRange(Error<Gpt2>(new QuantizationSpec { Weights = weights, Group = 16, Symmetric = false, Method = method }), 1e-5, tolerance);
    }

    /// <summary>With 7 bits of weights and 8 of activations, whose range is known.</summary>
    [Fact]
    public void Static_activations() => Assert.InRange(
        Error<Gpt2>(new QuantizationSpec { Weights = WeightType.Int8, Activations = ActivationRange.Static }), 1e-5, 0.2);

    /// <summary>Prompts by weights of 8 bits: all of them are exact to what these are, and only the steps that follow to 4 bits.</summary>
    [Fact]
    public void Prompts_have_weights_of_their_own()
    {
        var quantization = new QuantizationSpec { Weights = WeightType.Int4, Group = 16, Keep = EquatableArray.Of("head") };
        Assert.InRange(Error<Gpt2>(quantization with { Prefill = PrefillType.Int8 }), 1e-5, 0.5);
        using var folder = new TemporaryFolder();
        using var model = Gpt2.Create(CPU, seed: 2);
        GeneratedModels.Scramble(model);
        float[] Prompt(QuantizationSpec spec)
        {
            OnnxExport.Write(model, folder.Path, spec, new ByteTokenizer(), []);
            using var opened = OnnxModel.Open(model.Description, folder.Path, new(), kernels: false); // whose last token is the prompt's too
            using var program = opened.CreateInference();
            return [.. program.Forward([1, 2, 3, 4, 5, 6, 7, 8])];
        }

        Assert.Equal(Prompt(new QuantizationSpec { Weights = WeightType.Int8, Keep = EquatableArray.Of("head") }), Prompt(quantization with { Prefill = PrefillType.Int8 }));
    }

    [Theory]
    [InlineData(EmbeddingType.Int8, 0.02)]
    [InlineData(EmbeddingType.Int4, 0.4)]
    public void Embeddings(EmbeddingType embeddings, double tolerance)
    {
        Assert.InRange(Error<Gpt2>(new QuantizationSpec { Weights = WeightType.Int4, Embeddings = embeddings, Keep = EquatableArray.Of("blocks", "head") }), 1e-5, tolerance);
        Assert.InRange(Error<Llama>(new QuantizationSpec { Weights = WeightType.Int4, Embeddings = embeddings, Keep = EquatableArray.Of("blocks", "head") }), 1e-5, tolerance);
    }

    /// <summary>Rotated and grouped, with learned positions, over windows, and with scaled values; prompt and single tokens.</summary>
    [Fact]
    public void Keys_and_values_in_8_bits()
    {
        var alone = new QuantizationSpec { Weights = WeightType.Int8, KvCache = KvCacheType.Int8, Keep = EquatableArray.Of("blocks", "head") };
        Assert.InRange(Error<Llama>(alone), 1e-4, 0.02);
        Assert.InRange(Error<Gpt2>(alone), 1e-4, 0.02);
        Assert.InRange(Error<Gemma>(alone), 1e-4, 0.02);
        Assert.InRange(Error<Mixtral>(alone), 1e-4, 0.05);
        var scaled = new QuantizationSpec { Weights = WeightType.Int8, Method = RoundingMethod.SmoothQuant };
        Assert.InRange(Error<Gpt2>(scaled with { KvCache = KvCacheType.Int8 }), 1e-4, Error<Gpt2>(scaled) + 0.02);
    }

    [Fact]
    public void A_cache_of_8_bits_is_a_quarter_as_large_and_asks_for_text()
    {
        using var folder = new TemporaryFolder();
        using var model = Llama.Create(CPU, seed: 1);
        var quantization = new QuantizationSpec { Weights = WeightType.Int8, KvCache = KvCacheType.Int8 };
        var path = Path.Combine(folder.Path, "export");
        Assert.Contains("training.data.validation", Assert.Throws<OnnxException>(() => OnnxExport.Write(model, path, quantization, new ByteTokenizer(), [])).Message, StringComparison.Ordinal);
        OnnxExport.Write(model, path, quantization, new ByteTokenizer(), Windows(model.Description.Context));
        using var session = new Microsoft.ML.OnnxRuntime.InferenceSession(OnnxFolder.GraphPath(path));
        var caches = session.InputMetadata.Where(input => input.Key.StartsWith("past_key_values.", StringComparison.Ordinal)).ToList();
        Assert.Equal(2 * 3, caches.Count);
        Assert.All(caches, cache => Assert.Equal(typeof(sbyte), cache.Value.ElementType));
        Assert.False(File.Exists(Path.Combine(path, "genai_config.json")));
    }

    /// <summary>Single layers have other bits: less is lost, and the file is between.</summary>
    [Fact]
    public void Layers_have_their_own_bits()
    {
        var (low, mixed) = (new QuantizationSpec { Weights = WeightType.Int2, Group = 16 }, new QuantizationSpec { Weights = WeightType.Int2, Group = 16, Int8 = EquatableArray.Of("blocks", "head") });
        Assert.InRange(Error<Gpt2>(mixed), 0, 0.2 * Error<Gpt2>(low));
        Assert.InRange(Error<Gpt2>(mixed with { Int8 = EquatableArray.Of("blocks.0"), Int4 = EquatableArray.Of("blocks", "head") }), Error<Gpt2>(mixed), Error<Gpt2>(low));
    }

    /// <summary>A layer some of whose weights are large because their inputs are small is kept, and it alone.</summary>
    [Fact]
    public void Sensitive_layers_are_found()
    {
        using var model = Gpt2.Create(CPU, seed: 1);
        GeneratedModels.Scramble(model);
        var parameter = model.Parameters.Parameters().ToDictionary(pair => pair.Name, pair => pair.Value);
        using (NewDisposeScope())
        {
            parameter["blocks.1.attention.proj.weight"].slice(1, 0, 32, 16).mul_(40);
            parameter["blocks.1.attention.v.weight"].slice(0, 0, 32, 16).div_(40);
            parameter["blocks.1.attention.v.bias"].slice(0, 0, 32, 16).div_(40);
        }

        var quantization = new QuantizationSpec { Weights = WeightType.Int4, Group = 16, Keep = EquatableArray.Of(QuantizationSpec.Auto) };
        using var parameters = model.Parameters.Masters();
        using var observed = Calibration.Observe(model, parameters, Windows(model.Description.Context), ExportWatch.None);
        var kept = Assert.Single(SensitiveLayers.Find(observed, new QuantizationPlan(quantization), ExportWatch.None));
        Assert.Equal("blocks.1.attention.proj", kept);
        Assert.InRange(Error<Gpt2>(quantization), 1e-5, 0.5);
    }

    [Fact]
    public void A_method_that_reads_text_asks_for_it()
    {
        using var folder = new TemporaryFolder();
        using var model = Gpt2.Create(CPU, seed: 1);
        var error = Assert.Throws<OnnxException>(() => OnnxExport.Write(
            model, Path.Combine(folder.Path, "export"), new QuantizationSpec { Weights = WeightType.Int4, Method = RoundingMethod.Awq }, new ByteTokenizer(), []));
        Assert.Contains("training.data.validation", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    /// <summary>GPTQ's moments of a weight that layers share are those of all of them.</summary>
    [Fact]
    public void Layers_that_share_a_weight_are_observed_together()
    {
        using var model = SharedBlocks.Create(CPU, seed: 1);
        GeneratedModels.Scramble(model);
        using var parameters = model.Parameters.Masters();
        using var observed = Calibration.Observe(model, parameters, Windows(model.Description.Context), ExportWatch.None);
        var layers = observed.Graph.LinearLayers.GroupBy(layer => layer.Source).First(group => group.Count() > 1).ToArray();
        Assert.Same(observed.Inputs[layers[0].Name], observed.Inputs[layers[1].Name]);
        // As many rows as there are tokens, once for each layer: a norm makes each row's mean square its weight's.
        Assert.True(observed.Moments[layers[0].Name].diag().min().item<float>() > 0);
        Assert.NotSame(observed.Inputs[layers[0].Name], observed.Inputs[observed.Graph.LinearLayers[^1].Name]);
    }

    /// <summary>Encoders read each window by itself; a memory goes from window to window, so that layers above the first read something else.</summary>
    [Fact]
    public void Encoders_and_models_with_a_memory_are_observed()
    {
        Assert.All(Apart<Bert>(), share => Assert.InRange(share, 0, 1e-5));
        var recurrent = Apart<TransformerXlPlain>();
        Assert.InRange(recurrent[0], 0, 1e-5);
        Assert.True(recurrent[^1] > 1e-3, $"{recurrent[^1]}");
        Assert.InRange(EncoderError(RoundingMethod.Gptq), 1e-5, 0.5);
        Assert.InRange(EncoderError(RoundingMethod.Awq), 1e-5, 0.5);
        Assert.InRange(Error<TransformerXlPlain>(new QuantizationSpec { Weights = WeightType.Int4, Group = 16, Method = RoundingMethod.Gptq }), 1e-5, 0.5);
    }

    /// <summary>By how much the moments of two windows differ from the sum of each one's, layer by layer.</summary>
    private static double[] Apart<TModel>()
        where TModel : ICompiledModel<TModel>
    {
        using var scope = NewDisposeScope();
        using var model = TModel.Create(CPU, seed: 1);
        GeneratedModels.Scramble(model);
        using var parameters = model.Parameters.Masters();
        var windows = Windows(model.Description.Context)[..2];
        using var both = Calibration.Observe(model, parameters, windows, ExportWatch.None);
        using var first = Calibration.Observe(model, parameters, windows[..1], ExportWatch.None);
        using var second = Calibration.Observe(model, parameters, windows[1..], ExportWatch.None);
        return [.. both.Graph.LinearLayers.Select(layer =>
            ((both.Moments[layer.Name] - first.Moments[layer.Name] - second.Moments[layer.Name]).norm() / both.Moments[layer.Name].norm()).item<float>())];
    }

    private static double EncoderError(RoundingMethod method)
    {
        using var folder = new TemporaryFolder();
        using var model = Bert.Create(CPU, seed: 2);
        GeneratedModels.Scramble(model);
        var windows = Windows(model.Description.Context);
        OnnxExport.Write(model, folder.Path, new QuantizationSpec { Weights = WeightType.Int4, Group = 16, Method = method }, new ByteTokenizer(), windows);
        using var expected = model.CreateEncoder();
        using var actual = OnnxEncoder.Open(model.Description, folder.Path);
        float[] wanted = [.. expected.Predict(windows[0])], found = [.. actual.Predict(windows[0])];
        return wanted.Zip(found, (a, b) => Math.Abs(a - b)).Max() / wanted.Max(MathF.Abs);
    }

    internal static int[][] Windows(int context)
    {
        var text = new Random(1);
        return [.. Enumerable.Range(0, 16).Select(_ => Enumerable.Range(0, context).Select(_ => text.Next(256)).ToArray())];
    }

    /// <summary>The largest difference of a logit, against the largest logit; prompt at once and token by token.</summary>
    private static double Error<TModel>(QuantizationSpec quantization)
        where TModel : ICompiledModel<TModel>
    {
        using var folder = new TemporaryFolder();
        using var model = TModel.Create(CPU, seed: 2);
        GeneratedModels.Scramble(model);
        OnnxExport.Write(model, folder.Path, quantization, new ByteTokenizer(), Windows(model.Description.Context));
        using var expected = model.CreateInference();
        using var opened = OnnxModel.Open(model.Description, folder.Path);
        using var actual = opened.CreateInference();
        int[] tokens = [.. Enumerable.Range(0, model.Description.Context).Select(i => (i * 37) % 256)];
        double error = 0, scale = 0;
        foreach (var part in (int[][])[tokens[..(tokens.Length / 2)], .. tokens[(tokens.Length / 2)..].Select(token => new[] { token })])
        {
            float[] wanted = [.. expected.Forward(part)], found = [.. actual.Forward(part)];
            scale = Math.Max(scale, wanted.Max(MathF.Abs));
            error = Math.Max(error, wanted.Zip(found, (a, b) => Math.Abs(a - b)).Max());
        }

        return error / scale;
    }
}
