using ModelCompiler.ModelDsl;

namespace ModelCompiler.Runtime.Tests.Inference;

/// <summary>What every inference program keeps, in both engines: sequences that do not disturb each other, rows, and tokens taken back.</summary>
public sealed class InferenceProgramTests
{
    [Theory]
    [InlineData("torch")]
    [InlineData("onnx")]
    public void Gpt2_like(string engine) => Check<Gpt2>(engine, 1e-5);

    [Theory]
    [InlineData("torch")]
    [InlineData("onnx")]
    public void Llama_like(string engine) => Check<Llama>(engine, 1e-5);

    [Theory]
    [InlineData("torch")]
    [InlineData("onnx")]
    public void Windows_and_caps(string engine) => Check<Gemma>(engine, 1e-5);

    /// <summary>Over latents in one engine, over the keys and values that are made of them in the other.</summary>
    [Theory]
    [InlineData("torch")]
    [InlineData("onnx")]
    public void Latent_attention(string engine) => Check<Latent>(engine, 1e-5);

    [Fact]
    public void Bf16() => Check<Gpt2Bf16>("torch", 0.02);

    [Fact]
    public void Experts() => Check<Mixtral>("torch", 1e-5);

    [Fact]
    public void States_of_convolutions() => Check<GatedConvolution>("torch", 1e-5);

    [Fact]
    public void A_memory_of_segments() => Check<TransformerXlPlain>("torch", 1e-5);

    /// <summary>Kernels of our own, and ONNX Runtime for long prompts: both round activations to 8 bits, where a last bit before can make a step of difference.</summary>
    [Fact]
    public void Int4() => Check<Llama>("onnx", 0.02, new QuantizationSpec { Weights = WeightType.Int4, Group = 16 });

    /// <summary>Each row of activations has its own products, whatever is beside it.</summary>
    [Fact]
    public void Keys_and_values_in_8_bits() => Check<Llama>("onnx", 1e-5, new QuantizationSpec { Weights = WeightType.Int4, Group = 16, KvCache = KvCacheType.Int8 });

    [Theory]
    [InlineData("torch", 1)]
    [InlineData("onnx", 1)]
    [InlineData("onnx", 3)]
    public void A_step_allocates_next_to_nothing(string engine, int batch)
    {
        using var opened = Engine.Open<Llama>(engine);
        using var program = opened.Model.CreateInference(batch);
        int[] sequences = [.. Enumerable.Range(0, batch)];
        foreach (var sequence in sequences) program.Forward(sequence, [1, 2, 3]);
        for (var i = 0; i < 4; i++) program.Step(sequences, sequences);
        var before = GC.GetAllocatedBytesForCurrentThread();
        const int Steps = 16;
        for (var i = 0; i < Steps; i++) program.Step(sequences, sequences);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 * Steps);
    }

    [Theory]
    [InlineData("torch")]
    [InlineData("onnx")]
    public void What_does_not_fit_is_refused_and_changes_nothing(string engine)
    {
        using var opened = Engine.Open<Gpt2>(engine);
        using var program = opened.Model.CreateInference(2);
        program.Forward(0, [1, 2]);
        Assert.Contains("vocabulary of 256", Assert.Throws<ArgumentException>(() => program.Step([0, 1], [1, 256]).Length).Message, StringComparison.Ordinal);
        Assert.Contains("context of 24", Assert.Throws<ArgumentException>(() => program.Forward(0, new int[23]).Length).Message, StringComparison.Ordinal);
        Assert.Contains("3 rows", Assert.Throws<ArgumentException>(() => program.Forward(0, [1, 2], rows: 3).Length).Message, StringComparison.Ordinal);
        Assert.Equal((2, 0), (program.PositionOf(0), program.PositionOf(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => opened.Model.CreateInference(0));
    }

    /// <summary>It lies between the sequences of a step, and cannot repeat its last token, for it was taken back.</summary>
    [Theory]
    [InlineData("torch")]
    [InlineData("onnx")]
    public void A_sequence_of_which_tokens_were_taken_back_waits_unharmed(string engine)
    {
        using var opened = Engine.Open<Llama>(engine);
        using var program = opened.Model.CreateInference(3);
        using var alone = opened.Model.CreateInference();
        int[] text = [.. Enumerable.Range(0, 10).Select(i => (i * 37) % 256)];
        alone.Forward(text.AsSpan(0, 5));
        float[] expected = [.. alone.Forward([200])];
        for (var sequence = 0; sequence < 3; sequence++) program.Forward(sequence, text.AsSpan(0, 8));
        program.Truncate(1, 5);
        for (var step = 8; step < 10; step++) program.Step([0, 2], [text[step], text[step]]);
        var found = program.Step([1], [200]);
        var scale = expected.Max(MathF.Abs);
        for (var v = 0; v < expected.Length; v++) Assert.Equal(expected[v], found[v], 1e-5 * scale);

        // With a token of its own it can wait again.
        float[] next = [.. alone.Forward([201])];
        program.Step([0, 2], [1, 2]);
        found = program.Step([1], [201]);
        for (var v = 0; v < next.Length; v++) Assert.Equal(next[v], found[v], 1e-5 * scale);
    }

    private static void Check<TModel>(string engine, double tolerance, QuantizationSpec? quantization = null)
        where TModel : ICompiledModel<TModel>
    {
        using var opened = Engine.Open<TModel>(engine, quantization);
        int[] text = [.. Enumerable.Range(0, 20).Select(i => (i * 37) % 256)];
        using var alone = opened.Model.CreateInference();
        var expected = new float[text.Length][]; // after each token
        for (var i = 0; i < text.Length; i++) expected[i] = [.. alone.Forward([text[i]])];

        using var program = opened.Model.CreateInference(3);
        Assert.Equal((3, 256), (program.Batch, program.Vocabulary));

        // The same text in all sequences, at different places: 7, 2 and 12 tokens.
        Equal(expected[6], program.Forward(0, text.AsSpan(0, 7)));
        Equal(expected[1], program.Forward(1, text.AsSpan(0, 2)));
        var rows = program.Forward(2, text.AsSpan(0, 12), rows: 5);
        for (var row = 0; row < 5; row++) Equal(expected[7 + row], rows.Slice(row * 256, 256));
        for (var step = 0; step < 4; step++)
        {
            var logits = program.Step([2, 0, 1], [text[12 + step], text[7 + step], text[2 + step]]);
            Equal(expected[12 + step], logits[..256]);
            Equal(expected[7 + step], logits.Slice(256, 256));
            Equal(expected[2 + step], logits.Slice(512, 256));
        }

        // One of them waits.
        for (var step = 0; step < 3; step++)
        {
            var logits = program.Step([0, 2], [text[11 + step], text[16 + step]]);
            Equal(expected[11 + step], logits[..256]);
            Equal(expected[16 + step], logits.Slice(256, 256));
        }

        Equal(expected[6], program.Step([1], [text[6]]));
        Assert.Equal((14, 7, 19), (program.PositionOf(0), program.PositionOf(1), program.PositionOf(2)));

        // Tokens are taken back, or all of them.
        var kept = program.Truncate(0, 9);
        Assert.Equal(program.CanTruncate ? 9 : 0, kept);
        Equal(expected[13], program.Forward(0, text.AsSpan(kept, 14 - kept)));
        Assert.Equal(0, program.Truncate(0, 0));
        Equal(expected[0], program.Step([0], [text[0]]));
        Equal(expected[7], program.Step([1], [text[7]]));

        void Equal(float[] wanted, ReadOnlySpan<float> found)
        {
            var scale = wanted.Max(MathF.Abs);
            for (var v = 0; v < wanted.Length; v++)
                Assert.True(Math.Abs(wanted[v] - found[v]) <= tolerance * scale, $"token {v}: {found[v]} instead of {wanted[v]}");
        }
    }
}
