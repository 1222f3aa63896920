using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>Logits over the key-value cache against the reference's full forward pass.</summary>
public sealed class InferenceTests
{
    [Fact]
    public void Gpt2_like() => Compare<Gpt2>("gpt2.model.yaml", 1e-4);

    [Fact]
    public void Llama_like() => Compare<Llama>("llama.model.yaml", 1e-4);

    [Fact]
    public void Qwen_like() => Compare<Qwen>("qwen.model.yaml", 1e-4);

    [Fact]
    public void Gemma_like() => Compare<Gemma>("gemma.model.yaml", 1e-4);

    [Fact]
    public void Latent_attention() => Compare<Latent>("latent.model.yaml", 1e-4);

    [Fact]
    public void Latent_attention_in_bf16() => Compare<LatentBf16>("latent-bf16.model.yaml", 0.1);

    [Fact]
    public void Parallel_sublayers() => Compare<ParallelSublayers>("parallel-sublayers.model.yaml", 1e-4);

    [Fact]
    public void Mixtral_like() => Compare<Mixtral>("mixtral.model.yaml", 1e-4);

    [Fact]
    public void Switch_like() => Compare<Switch>("switch.model.yaml", 1e-4);

    [Fact]
    public void Custom_blocks() => Compare<Custom>("custom.model.yaml", 1e-4);

    /// <summary>Convolutions remember the rows before, from chunk to chunk and token to token.</summary>
    [Fact]
    public void Gated_convolutions() => Compare<GatedConvolution>("gated-convolution.model.yaml", 1e-4);

    [Fact]
    public void Gated_convolutions_in_bf16() => Compare<GatedConvolutionBf16>("gated-convolution-bf16.model.yaml", 0.1);

    [Fact]
    public void Shared_parameters() => Compare<SharedBlocks>("shared-blocks.model.yaml", 0.1);

    [Fact]
    public void Bf16() => Compare<Gpt2Bf16>("gpt2-bf16.model.yaml", 0.1);

    [Fact]
    public void Experts_in_bf16() => Compare<MixtralBf16>("mixtral-bf16.model.yaml", 0.1);

    [Fact]
    public void Bf16_with_layers_in_fp32() => Compare<LlamaMixed>("llama-mixed.model.yaml", 0.1);

    [Fact]
    public void Bf16_with_single_layers_of_a_block_in_fp32() => Compare<LlamaLayers>("llama-layers.model.yaml", 0.1);

    /// <summary>fp16 has 11 bits of precision.</summary>
    [Fact]
    public void Fp16() => Compare<LlamaFp16>("llama-fp16.model.yaml", 0.02);

    [Fact]
    public void Relative_attention_without_memory() => Compare<TransformerXlWhole>("transformer-xl-whole.model.yaml", 1e-4);

    /// <summary>Rotary attention beside the relative one sees the segment.</summary>
    [Fact]
    public void Relative_and_local_attention_over_segments_in_bf16() => Compare<TransformerXlBf16>("transformer-xl-bf16.model.yaml", 0.1, segments: 3);

    [Fact]
    public void Tokens_that_do_not_fit_are_refused()
    {
        using var model = Gpt2.Create(CPU, seed: 1);
        using var inference = model.CreateInference();
        Assert.Contains("256", Assert.Throws<ArgumentException>(() => inference.Forward([256]).Length).Message);
        Assert.Contains("context of 24", Assert.Throws<ArgumentException>(() => inference.Forward(new int[25]).Length).Message);
        Assert.Throws<ArgumentException>(() => inference.Forward([]).Length);
        Assert.Equal(0, inference.Position);
    }

    /// <param name="segments">Segments of a model with memory, which are one text for it.</param>
    private static void Compare<TModel>(string file, double tolerance, int segments = 1)
        where TModel : ICompiledModel<TModel>
    {
        using var scope = NewDisposeScope();
        using var model = TModel.Create(CPU, seed: 2);
        GeneratedModels.Scramble(model);
        var context = model.Description.Context;
        var length = context * segments;
        var tokens = Enumerable.Range(0, length).Select(i => (i * 37) % 256).ToArray();
        using var gradientless = no_grad();
        var reference = new TorchReference(model, file, step: 0);
        var expected = cat([.. tokens.Chunk(context).Select(segment => reference.Logits(tensor(segment.Select(t => (long)t).ToArray()).view(1, context)))], 1);

        using var inference = model.CreateInference();
        void Check(ReadOnlySpan<float> logits, int position)
        {
            var wanted = expected[0, position].data<float>().ToArray();
            var scale = wanted.Max(MathF.Abs);
            for (var v = 0; v < wanted.Length; v++)
                Assert.True(Math.Abs(wanted[v] - logits[v]) < tolerance * scale, $"token {v} after {position}: {logits[v]} instead of {wanted[v]}");
        }

        // At once, one by one, and in uneven parts.
        Check(inference.Forward(tokens), length - 1);
        inference.Reset();
        for (var i = 0; i < length; i++) Check(inference.Forward([tokens[i]]), i);
        inference.Reset();
        Check(inference.Forward(tokens.AsSpan(0, 5)), 4);
        Check(inference.Forward(tokens.AsSpan(5, 12)), 16);
        Assert.Equal(17, inference.Position);
    }
}
