using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Tests.Generated;
using ModelCompiler.Runtime.Tokenizers;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Onnx;

/// <summary>Exported models in ONNX Runtime against the generated programs that they come from.</summary>
public sealed class OnnxProgramTests
{
    [Fact]
    public void Gpt2_like() => Compare<Gpt2>(null, 1e-4);

    [Fact]
    public void Llama_like() => Compare<Llama>(null, 1e-4);

    [Fact]
    public void Custom_blocks() => Compare<Custom>(null, 1e-4);

    [Fact]
    public void Gemma_like() => Compare<Gemma>(null, 1e-4);

    [Fact]
    public void Latent_attention() => Compare<Latent>(null, 1e-4);

    [Fact]
    public void Latent_attention_in_int8() => Compare<Latent>(new QuantizationSpec { Weights = WeightType.Int8 }, 0.1);

    /// <summary>ONNX Runtime's attention takes head sizes that are multiples of 8; this model's is 10.</summary>
    [Fact]
    public void A_head_size_that_has_no_attention_there_is_refused()
    {
        using var folder = new TemporaryFolder();
        var target = Path.Combine(folder.Path, "export");
        using var model = Qwen.Create(CPU, seed: 1);
        var error = Assert.Throws<NotSupportedException>(() => OnnxExport.Write(model, target, null, new ByteTokenizer(), []));
        Assert.Contains("head size of 10", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(target));
    }

    [Fact]
    public void Two_of_four_experts() => Compare<Mixtral>(null, 1e-4);

    [Fact]
    public void One_expert_of_each_token() => Compare<Switch>(null, 1e-4);

    /// <summary>An expert may have no rows.</summary>
    [Fact]
    public void Experts_in_int4() => Compare<Mixtral>(new QuantizationSpec { Weights = WeightType.Int4, Group = 16 }, 0.5);

    [Fact]
    public void Experts_in_int8() => Compare<Mixtral>(new QuantizationSpec { Weights = WeightType.Int8 }, 0.3);

    [Fact]
    public void Gated_convolutions_keep_their_state() => Compare<GatedConvolution>(null, 1e-4);

    [Fact]
    public void Transformer_xl_with_its_memory() => Compare<TransformerXlPlain>(null, 1e-4, tokens: 70);

    [Fact]
    public void Transformer_xl_with_every_option() => Compare<TransformerXlSame>(null, 1e-4, tokens: 70);

    [Fact]
    public void Transformer_xl_in_int8() => Compare<TransformerXlPlain>(new QuantizationSpec { Weights = WeightType.Int8 }, 0.1, tokens: 30);

    [Fact]
    public void Parallel_sublayers() => Compare<ParallelSublayers>(null, 1e-4);

    [Fact]
    public void Shared_parameters_are_stored_once()
    {
        Compare<Shared>(null, 0.1);
        using var folder = new TemporaryFolder();
        using var model = Export<Shared>(folder.Path, null);
        Assert.InRange(new FileInfo(Path.Combine(folder.Path, "model.onnx.data")).Length, 0, (4 * model.Description.ParameterCount) + 16_384);
    }

    [Fact]
    public void A_tied_head() => Compare<WideVocabularyTied>(null, 0.1);

    /// <summary>8 bits for weights and activations.</summary>
    [Fact]
    public void Int8() => Compare<Llama>(new QuantizationSpec { Weights = WeightType.Int8 }, 0.1);

    [Fact]
    public void Int4() => Compare<Llama>(new QuantizationSpec { Weights = WeightType.Int4, Group = 16 }, 0.5);

    [Fact]
    public void Layers_that_are_kept_stay_exact() =>
        Compare<Llama>(new QuantizationSpec { Weights = WeightType.Int4, Group = 16, Keep = EquatableArray.Of("blocks", "head") }, 1e-4);

    [Fact]
    public void Gptq_observes_the_layers()
    {
        var text = new Random(1);
        int[][] windows = [.. Enumerable.Range(0, 16).Select(_ => Enumerable.Range(0, 24).Select(_ => text.Next(256)).ToArray())];
        Compare<Llama>(new QuantizationSpec { Weights = WeightType.Int4, Group = 16, Method = RoundingMethod.Gptq }, 0.5, windows);
    }

    [Fact]
    public void The_logits_of_all_rows_are_those_of_each()
    {
        using var folder = new TemporaryFolder();
        using var model = Export<Gpt2>(folder.Path, null);
        using var program = OnnxProgram.Open(model.Description, folder.Path);
        int[] tokens = [.. Enumerable.Range(0, 12).Select(i => (i * 37) % 256)];
        float[] all = [.. program.Forward(0, tokens, rows: tokens.Length)];
        program.Reset();
        for (var i = 0; i < tokens.Length; i++)
        {
            var one = program.Forward([tokens[i]]);
            for (var v = 0; v < 256; v++) Assert.Equal(one[v], all[(i * 256) + v], 1e-4);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Weights_that_are_not_packed_give_the_same(bool quantized)
    {
        using var folder = new TemporaryFolder();
        using var model = Export<Gpt2>(folder.Path, quantized ? new QuantizationSpec { Weights = WeightType.Int4, Group = 16 } : null);
        using var packed = OnnxProgram.Open(model.Description, folder.Path, new OnnxOptions { Prepack = true });
        using var mapped = OnnxProgram.Open(model.Description, folder.Path);
        int[] tokens = [.. Enumerable.Range(0, 12).Select(i => (i * 37) % 256)];
        float[] expected = [.. packed.Forward(tokens)], actual = [.. mapped.Forward(tokens)];
        for (var v = 0; v < 256; v++) Assert.Equal(expected[v], actual[v], 1e-5);
    }

    [Fact]
    public void A_token_allocates_next_to_nothing()
    {
        using var folder = new TemporaryFolder();
        using var model = Export<Gpt2>(folder.Path, null);
        using var program = OnnxProgram.Open(model.Description, folder.Path);
        for (var i = 0; i < 4; i++) _ = program.Forward([i]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        const int Steps = 16;
        for (var i = 0; i < Steps; i++) _ = program.Forward([i]);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 * Steps);
    }

    [Fact]
    public void What_does_not_fit_is_refused_by_name()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("no exported model", Refusal(), StringComparison.Ordinal);
        using var model = Export<Gpt2>(folder.Path, null);
        Assert.Contains("another declaration", Assert.Throws<OnnxException>(() => OnnxProgram.Open(Llama.Definition, folder.Path)).Message, StringComparison.Ordinal);

        using (var program = OnnxProgram.Open(model.Description, folder.Path))
        {
            Assert.Contains("256", Assert.Throws<ArgumentException>(() => program.Forward([256]).Length).Message, StringComparison.Ordinal);
            Assert.Contains("context of 24", Assert.Throws<ArgumentException>(() => program.Forward(new int[25]).Length).Message, StringComparison.Ordinal);
        }

        var data = Path.Combine(folder.Path, "model.onnx.data");
        var bytes = File.ReadAllBytes(data);
        File.WriteAllBytes(data, bytes[..(bytes.Length / 2)]);
        Assert.Contains("Export", Refusal(), StringComparison.Ordinal);
        File.Delete(data);
        Assert.Contains("weights", Refusal(), StringComparison.Ordinal);
        string Refusal() => Assert.Throws<OnnxException>(() => OnnxProgram.Open(Gpt2.Definition, folder.Path)).Message;
    }

    /// <summary>Bytes changed, cut off, put in and left out: ONNX Runtime never sees any of it.</summary>
    [Fact]
    public void A_damaged_graph_is_refused()
    {
        using var folder = new TemporaryFolder();
        using var model = Export<Gpt2>(folder.Path, null);
        var path = Path.Combine(folder.Path, "model.onnx");
        var whole = File.ReadAllBytes(path);
        var random = new Random(1);
        for (var i = 0; i < 400; i++)
        {
            var at = random.Next(whole.Length);
            byte[] damaged = (i % 4) switch
            {
                0 => whole[..at],
                1 => [.. whole[..at], (byte)(whole[at] ^ (1 << random.Next(8))), .. whole[(at + 1)..]],
                2 => [.. whole[..at], .. whole[(at + 1)..]],
                _ => [.. whole[..at], (byte)random.Next(256), .. whole[at..]],
            };
            File.WriteAllBytes(path, damaged);
            Assert.Contains("damaged", Assert.Throws<OnnxException>(() => OnnxModel.Open(Gpt2.Definition, folder.Path)).Message, StringComparison.Ordinal);
        }
    }

    /// <summary>Weights may be any bytes of the right number: they load, or one message says that they are broken.</summary>
    [Fact]
    public void Damaged_weights_never_do_more_than_give_a_message()
    {
        using var folder = new TemporaryFolder();
        using var model = Export<Llama>(folder.Path, new QuantizationSpec { Weights = WeightType.Int4, Group = 16 });
        var path = Path.Combine(folder.Path, "model.onnx.data");
        var whole = File.ReadAllBytes(path);
        var random = new Random(1);
        for (var i = 0; i < 20; i++)
        {
            byte[] damaged = [.. whole];
            var start = random.Next(whole.Length);
            random.NextBytes(damaged.AsSpan(start, Math.Min(2000, whole.Length - start)));
            File.WriteAllBytes(path, damaged);
            try
            {
                OnnxModel.Open(Llama.Definition, folder.Path).Dispose();
            }
            catch (OnnxException e)
            {
                Assert.Contains("broken", e.Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void Weights_that_became_nan_are_refused_at_loading()
    {
        using var folder = new TemporaryFolder();
        using var model = Export<Gpt2>(folder.Path, null);
        var path = Path.Combine(folder.Path, "model.onnx.data");
        var bytes = File.ReadAllBytes(path);
        Array.Fill(bytes, (byte)0xFF, bytes.Length / 2, bytes.Length / 4);
        File.WriteAllBytes(path, bytes);
        Assert.Contains("weights are broken", Assert.Throws<OnnxException>(() => OnnxModel.Open(Gpt2.Definition, folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_tokenizer_is_refused()
    {
        using var folder = new TemporaryFolder();
        using var compiled = Export<Gpt2>(folder.Path, null);
        using var model = OnnxModel.Open(Gpt2.Definition, folder.Path);
        Assert.Equal(new ByteTokenizer().Hash, model.LoadTokenizer().Hash);
        new BytePairTokenizer(BytePairTrainer.Train(["the quick brown fox jumps over the lazy dog"], 258)).Save(folder.Path);
        Assert.Contains("not the one", Assert.Throws<OnnxException>(() => model.LoadTokenizer()).Message, StringComparison.Ordinal);
    }

    /// <summary>Where ONNX Runtime is the package for the CPU.</summary>
    [Fact]
    public void A_device_that_is_not_there_is_an_error_with_the_remedy()
    {
        using var folder = new TemporaryFolder();
        using var model = Export<Gpt2>(folder.Path, null);
        if (!Microsoft.ML.OnnxRuntime.OrtEnv.Instance().GetAvailableProviders().Contains("CUDAExecutionProvider"))
            Assert.Contains("ModelCompilerAccelerator", Assert.Throws<OnnxException>(() => OnnxModel.Open(Gpt2.Definition, folder.Path, new() { Device = "cuda" })).Message, StringComparison.Ordinal);
        Assert.Contains("cpu or cuda", Assert.Throws<OnnxException>(() => OnnxModel.Open(Gpt2.Definition, folder.Path, new() { Device = "tpu" })).Message, StringComparison.Ordinal);
    }

    private static TModel Export<TModel>(string folder, QuantizationSpec? quantization, IReadOnlyList<int[]>? calibration = null)
        where TModel : ICompiledModel<TModel>
    {
        var model = TModel.Create(CPU, seed: 2);
        GeneratedModels.Scramble(model);
        OnnxExport.Write(model, folder, quantization, new ByteTokenizer(), calibration ?? []);
        return model;
    }

    private static void Compare<TModel>(QuantizationSpec? quantization, double tolerance, IReadOnlyList<int[]>? calibration = null, int? tokens = null)
        where TModel : ICompiledModel<TModel>
    {
        using var folder = new TemporaryFolder();
        using var model = Export<TModel>(folder.Path, quantization, calibration);
        using var expected = model.CreateInference();
        using var exported = OnnxModel.Open(model.Description, folder.Path);
        using var actual = exported.CreateInference();
        int[] text = [.. Enumerable.Range(0, tokens ?? model.Description.Context).Select(i => (i * 37) % 256)];
        double error = 0, scale = 0;

        // At once, one by one, and in uneven parts.
        Check(text);
        Check([.. text.Select(token => new[] { token })]);
        Check(text[..5], text[5..17]);
        Assert.Equal(17, actual.Position);
        Assert.True(error < tolerance * scale, $"logits differ by {error}, the largest is {scale}");

        void Check(params int[][] parts)
        {
            expected.Reset();
            actual.Reset();
            foreach (var part in parts)
            {
                float[] wanted = [.. expected.Forward(part)], found = [.. actual.Forward(part)];
                scale = Math.Max(scale, wanted.Max(MathF.Abs));
                error = Math.Max(error, wanted.Zip(found, (a, b) => Math.Abs(a - b)).Max());
            }
        }
    }
}
