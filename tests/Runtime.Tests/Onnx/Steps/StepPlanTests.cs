using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Onnx.Steps;
using ModelCompiler.Runtime.Tests.Generated;
using ModelCompiler.Runtime.Tokenizers;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Onnx.Steps;

/// <summary>Single tokens by the kernels against ONNX Runtime over the same export.</summary>
public sealed class StepPlanTests
{
    private static readonly QuantizationSpec s_int4 = new() { Weights = WeightType.Int4, Group = 16 };

    public StepPlanTests() => Assert.SkipUnless(StepKernels.AreSupported, "The kernels need AVX2.");

    [Fact]
    public void Gpt2_like() => Compare<Gpt2>(null, 1e-4);

    [Fact]
    public void Llama_like() => Compare<Llama>(null, 1e-4);

    /// <summary>Windows, soft caps, norms of queries and keys, scaled embeddings.</summary>
    [Fact]
    public void Gemma_like() => Compare<Gemma>(null, 1e-4);

    [Fact]
    public void Parallel_sublayers() => Compare<ParallelSublayers>(null, 1e-4);

    [Fact]
    public void Shared_parameters() => Compare<Shared>(null, 1e-4);

    [Fact]
    public void A_tied_head() => Compare<WideVocabularyTied>(null, 1e-4);

    /// <summary>Both round what they multiply to 8 bits, each in its own way.</summary>
    [Theory]
    [InlineData(WeightType.Int4)]
    [InlineData(WeightType.Int2)]
    public void Weights_of_few_bits(WeightType weights)
    {
        Compare<Llama>(new() { Weights = weights, Group = 16 }, 0.05);
        Compare<Gpt2>(new() { Weights = weights, Group = 16 }, 0.05);
        Compare<Gpt2>(new() { Weights = weights, Group = 32 }, 0.05);
        Compare<Gpt2>(new() { Weights = weights, Group = 16, Symmetric = false }, 0.05);
        Compare<Gpt2>(new() { Weights = weights, Group = 32, Symmetric = false }, 0.05);
    }

    /// <summary>Heads that attention rotates itself, and rows that end within a group.</summary>
    [Theory]
    [InlineData(WeightType.Int4, 32)]
    [InlineData(WeightType.Int4, 64)]
    [InlineData(WeightType.Int2, 64)]
    public void Groups_that_a_row_does_not_fill(WeightType weights, int group) => Compare<PackedInt8>(new() { Weights = weights, Group = group }, 0.05);

    /// <summary>ONNX Runtime rounds all inputs of a product together, the kernels in groups: these come nearer to the model, or as near.</summary>
    [Fact]
    public void Bytes()
    {
        Check<Llama>();
        Check<Gpt2>();
        Check<PackedInt8>();

        static void Check<T>()
            where T : ICompiledModel<T>
        {
            using var folder = new TemporaryFolder();
            using var model = Export<T>(folder.Path, new() { Weights = WeightType.Int8 });
            var (handed, called) = (MeanError(model, folder.Path, kernels: false), MeanError(model, folder.Path, kernels: true));
            Assert.InRange(called, 1e-5, 1.1 * handed);
        }
    }

    [Fact]
    public void Rotated_in_attention() => Compare<PackedInt8>(null, 1e-4);

    [Theory]
    [InlineData(EmbeddingType.Int8)]
    [InlineData(EmbeddingType.Int4)]
    public void Embeddings(EmbeddingType embeddings) => Compare<Llama>(s_int4 with { Embeddings = embeddings, Keep = EquatableArray.Of("blocks", "head") }, 1e-4);

    [Fact]
    public void Layers_with_another_form_for_prompts() => Compare<Gpt2>(s_int4 with { Prefill = PrefillType.Int8, Keep = EquatableArray.Of("head") }, 0.05);

    /// <summary>What has no kernel stays with ONNX Runtime: convolutions, experts, caches and activations in other forms.</summary>
    [Fact]
    public void Other_graphs_have_no_plan()
    {
        Assert.False(HasPlan<GatedConvolution>(null));
        Assert.False(HasPlan<Mixtral>(null));
        Assert.False(HasPlan<Latent>(null));
        Assert.False(HasPlan<TransformerXlPlain>(null));
        Assert.False(HasPlan<Llama>(new() { Weights = WeightType.Int8, KvCache = KvCacheType.Int8 }));
        Assert.False(HasPlan<Llama>(new() { Weights = WeightType.Int8, Activations = ActivationRange.Static }));
    }

    /// <summary>What a token comes to does not depend on how many threads there are, nor on the tokens beside it.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData(WeightType.Int8)]
    [InlineData(WeightType.Int4)]
    public void Threads_share_what_one_computes(WeightType? weights)
    {
        Check<WideVocabulary>();
        Check<WideVocabularyTied>();
        Check<PackedWide>();

        void Check<T>()
            where T : ICompiledModel<T>
        {
            using var folder = new TemporaryFolder();
            using var model = Export<T>(folder.Path, weights is { } type ? new() { Weights = type, Group = 32 } : null);
            using var opened = OnnxModel.Open(model.Description, folder.Path);
            using var caches = new OnnxCaches(opened.Session, "cpu", batch: 2);
            using var alone = StepPlan.Of(folder.Path, divides: false, threads: 1, spins: false)!;
            using var together = StepPlan.Of(folder.Path, divides: true, threads: 3, spins: true)!;
            var expected = Read(alone, pass: 1);
            Assert.Equal(expected, Read(alone, pass: 4));
            Assert.Equal(expected, Read(together, pass: 1));
            Assert.Equal(expected, Read(together, pass: 8));

            float[] Read(StepPlan plan, int pass)
            {
                var vocabulary = model.Description.Vocabulary;
                var logits = new float[2 * 8 * vocabulary];
                using var run = new StepRun(plan, caches, vocabulary);
                for (var first = 0; first < 16; first += pass)
                {
                    run.Clear(pass);
                    for (var i = first; i < first + pass; i++) run.Add(i % 2, i * 37 % 256, i / 2);
                    run.Run(pass, logits.AsSpan(first * vocabulary, pass * vocabulary));
                }

                return logits;
            }
        }
    }

    /// <summary>One at a time has the threads; the others compute on their own, and come to the same.</summary>
    [Fact]
    public async Task Programs_that_find_the_threads_at_work_compute_alone()
    {
        using var folder = new TemporaryFolder();
        using var model = Export<WideVocabulary>(folder.Path, s_int4 with { Group = 32 });
        using var opened = OnnxModel.Open(model.Description, folder.Path);
        using var plan = StepPlan.Of(folder.Path, divides: true, threads: 2, spins: true)!;
        float[] Read(int first)
        {
            using var caches = new OnnxCaches(opened.Session, "cpu", batch: 1);
            using var run = new StepRun(plan, caches, model.Description.Vocabulary);
            var logits = new float[model.Description.Vocabulary];
            for (var i = 0; i < 40; i++)
            {
                run.Clear(1);
                run.Add(0, (first + (i * 37)) % 256, i);
                run.Run(1, logits);
            }

            return logits;
        }

        await AllAtOnce(Read);
    }

    [Fact]
    public void A_sequence_has_one_token_of_a_step()
    {
        using var folder = new TemporaryFolder();
        using var model = Export<Llama>(folder.Path, s_int4);
        using var opened = OnnxModel.Open(model.Description, folder.Path);
        using var program = opened.CreateInference(batch: 2);
        var error = Assert.Throws<ArgumentException>(() => program.Step([1, 1], [3, 4]).Length);
        Assert.Contains("Sequence 1 is named twice", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, program.PositionOf(1));
    }

    [Fact]
    public void Models_in_fp32_have_no_plan()
    {
        using var folder = new TemporaryFolder();
        using var model = Export<Llama>(folder.Path, s_int4);
        using var opened = OnnxModel.Open(model.Description, folder.Path);
        Assert.NotNull(opened.Steps);
        using var wide = Export<Llama>(folder.Path, null);
        using var exact = OnnxModel.Open(model.Description, folder.Path);
        Assert.Null(exact.Steps);
    }

    /// <summary>Several sequences, each at a place of its own, some tokens of which are taken back; prompts by ONNX Runtime between them.</summary>
    [Fact]
    public void Sequences_stay_apart()
    {
        using var folder = new TemporaryFolder();
        using var model = Export<Gemma>(folder.Path, s_int4);
        using var opened = OnnxModel.Open(model.Description, folder.Path);
        using var together = opened.CreateInference(batch: 3);
        using var alone = opened.CreateInference();
        together.Forward(2, [5, 6, 7, 8]);
        together.Forward(0, [1, 2]);
        together.Step([2, 0], [9, 3]);
        together.Truncate(2, 3);
        together.Forward(2, [11, 12]);
        var logits = together.Step([0, 2], [4, 13]);
        alone.Forward(0, [5, 6, 7, 11, 12]);
        Near(alone.Step([0], [13]), logits[together.Vocabulary..], 1e-4);
        alone.Truncate(0, 0);
        alone.Forward(0, [1, 2]);
        alone.Step([0], [3]);
        Near(alone.Step([0], [4]), logits[..together.Vocabulary], 1e-4);
    }

    /// <summary>What a draft proposes is looked at as if it came token by token.</summary>
    [Fact]
    public void A_few_tokens_are_those_one_by_one()
    {
        using var folder = new TemporaryFolder();
        using var model = Export<Llama>(folder.Path, s_int4);
        using var program = OnnxProgram.Open(model.Description, folder.Path);
        float[] rows = [.. program.Forward(0, [1, 2, 3, 4, 5, 6], rows: 5)];
        program.Reset();
        program.Forward([1]);
        for (var row = 0; row < 5; row++) Assert.Equal(program.Forward([row + 2]), rows.AsSpan(row * program.Vocabulary, program.Vocabulary));
    }

    /// <summary>More than the kernels take at once, in a different order, with others that wait.</summary>
    [Fact]
    public void Many_sequences()
    {
        using var folder = new TemporaryFolder();
        using var model = Export<Llama>(folder.Path, s_int4);
        using var opened = OnnxModel.Open(model.Description, folder.Path);
        using var together = opened.CreateInference(batch: 8);
        using var alone = opened.CreateInference();
        for (var sequence = 0; sequence < 8; sequence++) together.Forward(sequence, [sequence, sequence + 1, sequence + 2]);
        together.Truncate(3, 2);
        int[] sequences = [7, 0, 2, 5, 6];
        float[] logits = [.. together.Step(sequences, [1, 2, 3, 4, 5])];
        for (var i = 0; i < sequences.Length; i++)
        {
            alone.Truncate(0, 0);
            alone.Forward(0, [sequences[i], sequences[i] + 1, sequences[i] + 2]);
            Near(alone.Step([0], [i + 1]), logits.AsSpan(i * together.Vocabulary, together.Vocabulary), 0.05);
        }

        alone.Truncate(0, 0);
        alone.Forward(0, [3, 4]);
        Assert.Equal(alone.Step([0], [9]), together.Step([3], [9]));
    }

    [Fact]
    public async Task Programs_of_one_model_run_at_once()
    {
        using var folder = new TemporaryFolder();
        using var model = Export<Llama>(folder.Path, s_int4);
        using var opened = OnnxModel.Open(model.Description, folder.Path);
        float[] Read(int first)
        {
            using var program = opened.CreateInference();
            for (var i = 0; i < program.Context - 1; i++) program.Step([0], [(first + i) % 256]);
            return [.. program.Step([0], [first])];
        }

        await AllAtOnce(Read);
    }

    [Fact]
    public void A_program_without_its_model_says_so()
    {
        using var folder = new TemporaryFolder();
        using var model = Export<Llama>(folder.Path, s_int4);
        var opened = OnnxModel.Open(model.Description, folder.Path);
        var program = opened.CreateInference();
        opened.Dispose();
        Assert.Throws<ObjectDisposedException>(() => program.Step([0], [1]).Length);
        program.Dispose();
    }

    [Fact]
    public void A_token_allocates_nothing()
    {
        using var folder = new TemporaryFolder();
        using var model = Export<Llama>(folder.Path, s_int4);
        using var program = OnnxProgram.Open(model.Description, folder.Path);
        int[] sequence = [0], token = [1];
        program.Step(sequence, token);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10; i++) program.Step(sequence, token);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    /// <summary>Four readings at once come to the same as one after the other.</summary>
    private static async Task AllAtOnce(Func<int, float[]> read)
    {
        var expected = Enumerable.Range(0, 4).Select(read).ToArray();
        var found = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => Task.Run(() => read(i))));
        for (var i = 0; i < 4; i++) Assert.Equal(expected[i], found[i]);
    }

    private static void Compare<T>(QuantizationSpec? quantization, double tolerance)
        where T : ICompiledModel<T>
    {
        using var folder = new TemporaryFolder();
        using var model = Export<T>(folder.Path, quantization);
        using var handed = OnnxModel.Open(model.Description, folder.Path, new(), kernels: false);
        using var called = OnnxModel.Open(model.Description, folder.Path, new(), kernels: true);
        Assert.Null(handed.Steps);
        Assert.NotNull(called.Steps);
        using var expected = handed.CreateInference();
        using var actual = called.CreateInference();
        int[] prompt = [3, 1, 4];
        Near(expected.Forward(0, prompt), actual.Forward(0, prompt), tolerance);
        for (var i = prompt.Length; i < model.Description.Context; i++) Near(expected.Step([0], [i * 37 % 256]), actual.Step([0], [i * 37 % 256]), tolerance);
    }

    /// <summary>Of logits of single tokens, beside those of the model itself.</summary>
    private static double MeanError(ICompiledModel model, string folder, bool kernels)
    {
        using var opened = OnnxModel.Open(model.Description, folder, new(), kernels);
        using var actual = opened.CreateInference();
        using var expected = model.CreateInference();
        var error = 0.0;
        for (var i = 0; i < model.Description.Context; i++)
        {
            float[] found = [.. actual.Step([0], [i * 37 % 256])];
            error += expected.Step([0], [i * 37 % 256]).ToArray().Zip(found, (a, b) => Math.Abs((double)a - b)).Average();
        }

        return error / model.Description.Context;
    }

    private static bool HasPlan<T>(QuantizationSpec? quantization)
        where T : ICompiledModel<T>
    {
        using var folder = new TemporaryFolder();
        using var model = Export<T>(folder.Path, quantization);
        using var plan = StepPlan.Of(folder.Path, new());
        return plan is not null;
    }

    private static T Export<T>(string folder, QuantizationSpec? quantization)
        where T : ICompiledModel<T>
    {
        var model = T.Create(CPU, seed: 2);
        GeneratedModels.Scramble(model);
        var text = new Random(1);
        int[][] windows = [.. Enumerable.Range(0, 4).Select(_ => Enumerable.Range(0, model.Description.Context).Select(_ => text.Next(256)).ToArray())];
        OnnxExport.Write(model, folder, quantization, new ByteTokenizer(), windows);
        return model;
    }

    /// <summary>By share of the largest logit.</summary>
    private static void Near(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        var largest = 0f;
        foreach (var logit in expected) largest = MathF.Max(largest, MathF.Abs(logit));
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], tolerance * largest);
    }
}
