using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Inference.Packed;
using ModelCompiler.Runtime.Memory;
using ModelCompiler.Runtime.Tests.Generated;
using ModelCompiler.Runtime.Tests.Inference;
using ModelCompiler.Runtime.Tests.Onnx;
using ModelCompiler.Runtime.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Gpu;

/// <summary>
/// Compiled models on a CUDA device, the same code as on the CPU, against the CPU. Skipped, with the reason, where libtorch finds no
/// such device. Alone: <c>--filter-trait Category=Gpu</c>.
/// </summary>
[Trait("Category", "Gpu")]
public sealed class GpuTests : IDisposable
{
    private readonly DisposeScope? _scope;

    public GpuTests()
    {
        Assert.SkipUnless(cuda.is_available(), "libtorch finds no CUDA device here; where there is one, build with -p:ModelCompilerAccelerator=cuda");
        _scope = NewDisposeScope();
    }

    [Fact]
    public void Gpt2_like() => Gradients<Gpt2>(1e-3);

    [Fact]
    public void Llama_like() => Gradients<Llama>(1e-3);

    [Fact]
    public void Custom_blocks() => Gradients<Custom>(1e-3);

    [Fact]
    public void Windows_and_soft_caps() => Gradients<Gemma>(1e-3);

    [Fact]
    public void Parallel_sublayers_with_scaled_rotations() => Gradients<ParallelSublayers>(1e-3);

    [Fact]
    public void Attention_in_both_directions() => Gradients<Bidirectional>(1e-3);

    [Fact]
    public void Experts() => Gradients<Mixtral>(1e-3);

    [Fact]
    public void Bf16() => Gradients<Gpt2Bf16>(0.1);

    [Fact]
    public void Bf16_with_layers_in_fp32() => Gradients<LlamaMixed>(0.1);

    [Fact]
    public void Fp16() => Gradients<LlamaFp16>(0.02);

    [Fact]
    public void Chunked_loss() => Gradients<WideVocabulary>(1e-3);

    [Fact]
    public void Token_drop_and_shared_parameters() => Gradients<TokenDroppedLlama>(1e-3);

    [Fact]
    public void Transformer_xl()
    {
        Gradients<TransformerXlPlain>(1e-3);
        Gradients<TransformerXlBf16>(0.1);
        Logits<TransformerXlPlain>(1e-3);
    }

    [Fact]
    public void Inference()
    {
        Logits<Gpt2>(1e-3);
        Logits<Llama>(1e-3);
        Logits<Gemma>(1e-3);
        Logits<Mixtral>(1e-3);
        Logits<Gpt2Bf16>(0.1);
    }

    /// <summary>Products whose layout is another on the device.</summary>
    [Fact]
    public void Packed_weights()
    {
        var (cpu, gpu) = Pair<PackedWide>();
        using (cpu)
        using (gpu)
        {
            foreach (var weights in (WeightType[])[WeightType.Int8, WeightType.Int4])
            {
                var quantization = new QuantizationSpec { Weights = weights, Symmetric = false };
                using var expected = PackedWeights.Of(cpu, quantization, []);
                using var actual = PackedWeights.Of(gpu, quantization, []);
                Assert.Empty(actual.Kept);
                Compare(cpu.CreateInference(1, expected), gpu.CreateInference(1, actual), 0.05);
            }
        }
    }

    [Fact]
    public void Sparse_tensor_cores()
    {
        var (cpu, gpu) = Pair<PrunedTwoOfFour>();
        using (cpu)
        using (gpu)
        {
            SparseWeightTests.TwoOfFour(cpu);
            SparseWeightTests.TwoOfFour(gpu);
            using var weights = PackedWeights.OfPattern(gpu);
            Assert.Contains("blocks.0.attention.qkv", weights.Layers);
            Compare(cpu.CreateInference(), gpu.CreateInference(1, weights), 0.05);
        }
    }

    /// <summary>What calibration text says of channels and layers lies on the CPU, and the weights are scaled there.</summary>
    [Theory]
    [InlineData(WeightType.Int4, RoundingMethod.Awq)]
    [InlineData(WeightType.Int8, RoundingMethod.SmoothQuant)]
    [InlineData(WeightType.Int4, RoundingMethod.Gptq)]
    public void Packed_weights_of_methods_that_read_text(WeightType weights, RoundingMethod method)
    {
        var (cpu, gpu) = Pair<PackedWide>();
        using (cpu)
        using (gpu)
        {
            var quantization = new QuantizationSpec { Weights = weights, Method = method, Keep = EquatableArray.Of(QuantizationSpec.Auto) };
            var text = OnnxQuantizationTests.Windows(cpu.Description.Context);
            using var expected = PackedWeights.Of(cpu, quantization, text);
            using var actual = PackedWeights.Of(gpu, quantization, text);
            Assert.Equal(expected.Layers, actual.Layers);
            Compare(cpu.CreateInference(1, expected), gpu.CreateInference(1, actual), 0.05);
        }
    }

    [Fact]
    public void Each_optimizer_makes_the_same_steps()
    {
        Steps<Gpt2>();
        Steps<OptimizerSgd>();
        Steps<OptimizerLion>();
        Steps<OptimizerMuon>();
        Steps<OptimizerAdamW8Bit>();
    }

    [Fact]
    public void A_run_of_steps_repeats_bit_identically()
    {
        Assert.Equal(Run(), Run());

        static double[] Run()
        {
            using var model = DropoutPlain.Create(CUDA, seed: 1);
            using var training = model.CreateTraining();
            var (tokens, targets) = GeneratedModels.Batch(model, seed: 1);
            return [.. Enumerable.Range(0, 20).Select(_ => training.Step(tokens, targets, 1e-3).Loss)];
        }
    }

    [Fact]
    public void Checkpointing_changes_no_bit()
    {
        Assert.Equal(Gradient<DropoutPlain>(), Gradient<DropoutEveryOne>());

        static float[] Gradient<TModel>()
            where TModel : ICompiledModel<TModel>
        {
            using var model = TModel.Create(CUDA, seed: 1);
            using var training = model.CreateTraining();
            var (tokens, targets) = GeneratedModels.Batch(model, seed: 1);
            training.Backpropagate(tokens, targets);
            return [.. model.Parameters.Gradients.cpu().data<float>()];
        }
    }

    [Fact]
    public void Too_little_memory_is_foreseen()
    {
        var free = FreeMemory.On(CUDA);
        Assert.NotNull(free);
        var plan = Gpt2.Definition with { Memory = Gpt2.Definition.Memory! with { Activations = free.Value.Bytes + 1 } };
        var error = Assert.Throws<InsufficientMemoryException>(() => MemoryCheck.Demand(plan, free));
        Assert.Contains("CUDA device", error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _scope?.Dispose();

    private static (TModel Cpu, TModel Cuda) Pair<TModel>()
        where TModel : ICompiledModel<TModel>
    {
        var (cpu, gpu) = (TModel.Create(CPU, seed: 1), TModel.Create(CUDA, seed: 1));
        Assert.Equal(0, (cpu.Parameters.Master - gpu.Parameters.Master.cpu()).abs().max().item<float>());
        GeneratedModels.Scramble(cpu);
        gpu.Parameters.Master.copy_(cpu.Parameters.Master);
        gpu.Parameters.CastCompute();
        return (cpu, gpu);
    }

    private static void Gradients<TModel>(double tolerance)
        where TModel : ICompiledModel<TModel>
    {
        var (cpu, gpu) = Pair<TModel>();
        using (cpu)
        using (gpu)
        {
            var (tokens, targets) = GeneratedModels.Batch(cpu, seed: 1);
            using var expected = cpu.CreateTraining();
            using var actual = gpu.CreateTraining();
            Assert.Equal(expected.Backpropagate(tokens, targets), actual.Backpropagate(tokens, targets), tolerance);
            foreach (var info in cpu.Parameters.Layout.Where(info => !info.Name.EndsWith("attention.k.bias", StringComparison.Ordinal)))
            {
                var wanted = cpu.Parameters.GradientView(info.Offset, info.Shape);
                var found = gpu.Parameters.GradientView(info.Offset, info.Shape).cpu();
                var error = ((found - wanted).abs().max() / wanted.abs().max()).item<float>();
                Assert.True(error < tolerance, $"{info.Name}: relative error {error}");
            }
        }
    }

    private static void Logits<TModel>(double tolerance)
        where TModel : ICompiledModel<TModel>
    {
        var (cpu, gpu) = Pair<TModel>();
        using (cpu)
        using (gpu)
        {
            Compare(cpu.CreateInference(), gpu.CreateInference(), tolerance);
        }
    }

    private static void Compare(IInferenceProgram expected, IInferenceProgram actual, double tolerance)
    {
        using (expected)
        using (actual)
        {
            int[] prompt = [5, 4, 3, 2, 1];
            foreach (var tokens in new int[][] { prompt, [7], [8] })
            {
                float[] wanted = [.. expected.Forward(tokens)], found = [.. actual.Forward(tokens)];
                Assert.True(wanted.Zip(found, (a, b) => Math.Abs(a - b)).Max() < tolerance * wanted.Max(MathF.Abs));
            }
        }
    }

    private static void Steps<TModel>()
        where TModel : ICompiledModel<TModel>
    {
        var (cpu, gpu) = Pair<TModel>();
        using (cpu)
        using (gpu)
        {
            var (tokens, targets) = GeneratedModels.Batch(cpu, seed: 1);
            using var expected = cpu.CreateTraining();
            using var actual = gpu.CreateTraining();
            for (var step = 0; step < 5; step++)
                Assert.Equal(expected.Step(tokens, targets, 1e-3).Loss, actual.Step(tokens, targets, 1e-3).Loss, 0.02);
        }
    }
}
