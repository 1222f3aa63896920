using ModelCompiler.Runtime.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>The generated backward pass of whole models against TorchSharp's autograd over the same forward pass.</summary>
public sealed class GradientTests
{
    [Fact]
    public void Gpt2_like() => Compare<Gpt2>("gpt2.model.yaml", 1e-4);

    [Fact]
    public void Llama_like() => Compare<Llama>("llama.model.yaml", 1e-4);

    [Fact]
    public void Qwen_like() => Compare<Qwen>("qwen.model.yaml", 1e-4);

    [Fact]
    public void Attention_in_both_directions() => Compare<Bidirectional>("bidirectional.model.yaml", 1e-4);

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

    [Fact]
    public void Gated_convolutions() => Compare<GatedConvolution>("gated-convolution.model.yaml", 1e-4);

    [Fact]
    public void Gated_convolutions_in_bf16() => Compare<GatedConvolutionBf16>("gated-convolution-bf16.model.yaml", 0.1);

    [Fact]
    public void Dropout() => Compare<DropoutPlain>("dropout-plain.model.yaml", 1e-4);

    [Fact]
    public void An_mlp_over_halves_of_the_rows() => Compare<HalvedPlain>("halved-plain.model.yaml", 1e-4);

    [Fact]
    public void Layers_in_a_row_over_halves_of_the_rows() => Compare<HalvedRowsPlain>("halved-rows-plain.model.yaml", 1e-4);

    [Fact]
    public void A_gated_mlp_over_halves_of_the_rows() => Compare<HalvedGated>("halved-gated.model.yaml", 0.1);

    /// <summary>Autograd sums the gradients of the layers that share a parameter.</summary>
    [Fact]
    public void Shared_parameters() => Compare<Shared>("shared.model.yaml", 1e-4);

    [Fact]
    public void Shared_parameters_in_bf16() => Compare<SharedBlocks>("shared-blocks.model.yaml", 0.1);

    /// <summary>bf16 has 8 bits of precision, and errors add up over layers.</summary>
    [Fact]
    public void Bf16() => Compare<Gpt2Bf16>("gpt2-bf16.model.yaml", 0.1);

    [Fact]
    public void Experts_in_bf16() => Compare<MixtralBf16>("mixtral-bf16.model.yaml", 0.1);

    [Fact]
    public void Bf16_with_layers_in_fp32() => Compare<LlamaMixed>("llama-mixed.model.yaml", 0.1);

    [Fact]
    public void Bf16_with_single_layers_of_a_block_in_fp32() => Compare<LlamaLayers>("llama-layers.model.yaml", 0.1);

    [Fact]
    public void Layers_taken_out_of_a_block_keep_their_names()
    {
        using var model = LlamaLayers.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        var names = model.Parameters.Layout.Select(info => info.Name).ToHashSet();
        Assert.Equal(5, names.Count(name => name.EndsWith(".mlp.down.weight", StringComparison.Ordinal)));
        Assert.All(Enumerable.Range(0, 5), i => Assert.Contains($"blocks.{i}.mlp.down.weight", names));
        Assert.Equal(model.Parameters.Layout.Count, names.Count);
    }

    /// <summary>fp16 has 11 bits of precision.</summary>
    [Fact]
    public void Fp16() => Compare<LlamaFp16>("llama-fp16.model.yaml", 0.02);

    [Fact]
    public void Chunked_loss() => Compare<WideVocabulary>("wide-vocabulary.model.yaml", 1e-4);

    [Fact]
    public void Chunked_loss_in_bf16_with_a_tied_head() => Compare<WideVocabularyTied>("wide-vocabulary-tied.model.yaml", 0.1);

    [Fact]
    public void Transformer_xl() => Compare<TransformerXlPlain>("transformer-xl.model.yaml", 1e-4, segments: 3);

    [Fact]
    public void Transformer_xl_with_every_option() => Compare<TransformerXlSame>("transformer-xl-same.model.yaml", 1e-4, segments: 3);

    [Fact]
    public void Transformer_xl_without_memory() => Compare<TransformerXlWhole>("transformer-xl-whole.model.yaml", 1e-4);

    [Fact]
    public void Relative_attention_in_custom_blocks_in_bf16() => Compare<TransformerXlBf16>("transformer-xl-bf16.model.yaml", 0.1, segments: 3);

    private static Tensor Rows(ICompiledModel model, long[] values) => tensor(values).view(model.Description.Batch, model.Description.Context);

    /// <param name="segments">Segments of a model with memory, of which the last is compared.</param>
    internal static void Compare<TModel>(
        string file, double tolerance, int segments = 1, (long[] Tokens, long[] Targets)? batch = null)
        where TModel : ICompiledModel<TModel>
    {
        using var scope = NewDisposeScope();
        using var model = TModel.Create(CPU, seed: TModel.Definition.Training.Seed);
        GeneratedModels.Scramble(model);
        var (tokens, targets) = batch ?? GeneratedModels.Batch(model, seed: 1);
        var reference = new TorchReference(model, file, step: 0);
        using var training = model.CreateTraining();
        for (var segment = 1; segment < segments; segment++)
        {
            var (earlier, following) = GeneratedModels.Batch(model, seed: 100 + segment);
            using var gradientless = no_grad();
            reference.Logits(Rows(model, earlier));
            training.Backpropagate(earlier, following);
        }

        var (expected, objective) = reference.Objective(Rows(model, tokens), Rows(model, targets));
        objective.backward();

        var loss = training.Backpropagate(tokens, targets);

        Assert.Equal(expected.item<float>(), loss, tolerance);
        // Under fp16 the gradients are multiplied by the loss scale; those of a micro-batch are its share of the step's.
        var lossScale = (training.CheckpointParts.OfType<LossScaler>().SingleOrDefault()?.Scale ?? 1) / model.Description.Training.Accumulate;
        AssertClose(model, reference, tolerance, lossScale);
    }

    /// <summary>The gradients of every parameter, times a scale, against the reference's.</summary>
    internal static void AssertClose(ICompiledModel model, TorchReference reference, double tolerance, double lossScale = 1)
    {
        var errors = new List<string>();
        foreach (var info in model.Parameters.Layout)
        {
            using var actual = model.Parameters.GradientView(info.Offset, info.Shape) / lossScale;
            using var wanted = reference.Parameters[info.Name].grad!;
            // A key's bias shifts all scores of a query alike: its gradient is zero but for rounding, in both.
            // That of an expert to which nothing went is zero.
            var largest = wanted.abs().max().item<float>();
            var scale = largest == 0 || info.Name.EndsWith("attention.k.bias", StringComparison.Ordinal) ? 1 : largest;
            var error = (actual - wanted).abs().max().item<float>() / scale;
            if (!(error < tolerance)) errors.Add($"{info.Name}: relative error {error}");
        }
        Assert.True(errors.Count == 0, string.Join("; ", errors));
    }
}
