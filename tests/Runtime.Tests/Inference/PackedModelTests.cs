using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Inference.Packed;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Onnx.Rounding;
using ModelCompiler.Runtime.Tests.Generated;
using ModelCompiler.Runtime.Tests.Onnx;
using ModelCompiler.Runtime.Tokenizers;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Inference;

/// <summary>Models whose programs multiply with packed weights against the same models with the rounded weights in fp32, and against their exports.</summary>
public sealed class PackedModelTests
{
    private static readonly int[] s_text = [.. Enumerable.Range(0, 24).Select(i => (i * 37) % 256)];

    [Fact]
    public void Int4_with_zero_points_and_other_bits_for_some() => Check<Packed>(0.02);

    [Fact]
    public void Int8_in_bf16_with_shared_blocks() => Check<PackedInt8>(0.03);

    [Fact]
    public void Layers_that_libtorch_refuses_are_named()
    {
        using var model = Make<Packed>();
        using var packed = PackedWeights.Of(model, model.Description.Quantization!, []);
        Assert.Empty(packed.Kept);
        Assert.Equal((3 * 4) - 1 + 1, packed.Layers.Count); // all but the one that is kept, and the head
        Assert.DoesNotContain("blocks.1.mlp.down", packed.Layers);

        using var other = Make<PackedInt8>();
        using var some = PackedWeights.Of(other, other.Description.Quantization!, []);
        Assert.Equal(["blocks.0.mlp.down", "blocks.1.mlp.down", "blocks.2.mlp.down", "blocks.3.mlp.down"], some.Kept.Keys.Order());
        Assert.Contains("it has 88", some.Kept["blocks.0.mlp.down"], StringComparison.Ordinal);

        using var few = PackedWeights.Of(model, new QuantizationSpec { Weights = WeightType.Int2 }, []);
        Assert.Empty(few.Layers);
        Assert.Contains("int2", few.Kept["head"], StringComparison.Ordinal);
    }

    /// <summary>The same integers as an export's, which has activations of 8 bits besides.</summary>
    [Theory]
    [InlineData(RoundingMethod.Gptq)]
    [InlineData(RoundingMethod.Awq)]
    [InlineData(RoundingMethod.Hqq)]
    public void Every_method_rounds_as_the_export_does(RoundingMethod method)
    {
        var quantization = new QuantizationSpec { Weights = WeightType.Int4, Group = 32, Method = method };
        using var folder = new TemporaryFolder();
        using var model = Make<Packed>();
        var text = OnnxQuantizationTests.Windows(model.Description.Context);
        OnnxExport.Write(model, folder.Path, quantization, new ByteTokenizer(), text);
        using var weights = PackedWeights.Of(model, quantization, text);
        using var packed = model.CreateInference(1, weights);
        using var exported = OnnxProgram.Open(model.Description, folder.Path);
        using var plain = model.CreateInference();
        float[] found = [.. packed.Forward(s_text)], wanted = [.. exported.Forward(s_text)];
        var (apart, rounded) = (Error(wanted, found), Error([.. plain.Forward(s_text)], found));
        Assert.True(apart < 0.03 && apart < rounded / 2, $"{apart} from the export, {rounded} from the model");
    }

    [Fact]
    public void SmoothQuant_scales_what_is_not_packed_too()
    {
        using var model = Make<Packed>();
        var quantization = new QuantizationSpec { Weights = WeightType.Int8, Method = RoundingMethod.SmoothQuant };
        using var weights = PackedWeights.Of(model, quantization, OnnxQuantizationTests.Windows(model.Description.Context));
        Assert.NotNull(weights.Parameters);
        using var packed = model.CreateInference(1, weights);
        using var plain = model.CreateInference();
        Assert.InRange(Error([.. plain.Forward(s_text)], [.. packed.Forward(s_text)]), 1e-5, 0.05);
    }

    [Fact]
    public void Sequences_do_not_disturb_each_other_and_a_step_allocates_next_to_nothing()
    {
        using var model = PackedModel.Of(Make<Packed>(), []);
        using var program = model.CreateInference(2);
        using var alone = model.CreateInference();
        float[] first = [.. program.Forward(0, s_text.AsSpan(0, 5))];
        program.Forward(1, s_text.AsSpan(9, 3));
        Assert.Equal(first, alone.Forward(s_text.AsSpan(0, 5)).ToArray());
        for (var i = 5; i < 9; i++) alone.Forward([s_text[i]]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        const int Steps = 8;
        for (var i = 9; i < 9 + Steps; i++) alone.Step([0], s_text.AsSpan(i, 1));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 * Steps);
    }

    [Fact]
    public void Models_without_them_say_so()
    {
        using var model = Gpt2.Create(CPU, seed: 1);
        Assert.Contains("quantization", Assert.Throws<NotSupportedException>(() => PackedModel.Of(model, [])).Message, StringComparison.Ordinal);
        using var other = Make<Packed>();
        using var weights = PackedWeights.Of(other, other.Description.Quantization!, []);
        Assert.Throws<NotSupportedException>(() => ((ICompiledModel)model).CreateInference(1, weights));
    }

    internal static TModel Make<TModel>()
        where TModel : ICompiledModel<TModel>
    {
        var model = TModel.Create(CPU, seed: 2);
        GeneratedModels.Scramble(model);
        return model;
    }

    /// <summary>The largest difference, against the largest logit.</summary>
    internal static double Error(float[] expected, float[] actual) =>
        expected.Zip(actual, (a, b) => Math.Abs(a - b)).Max() / expected.Max(MathF.Abs);

    private static void Check<TModel>(double tolerance)
        where TModel : ICompiledModel<TModel>
    {
        using var model = Make<TModel>();
        using var rounded = Make<TModel>();
        using var weights = PackedWeights.Of(model, model.Description.Quantization!, []);
        Round(rounded, weights);
        using var packed = model.CreateInference(1, weights);
        using var reference = rounded.CreateInference();
        using var plain = model.CreateInference();
        double error = 0, change = 0;
        foreach (var part in (int[][])[s_text[..12], .. s_text[12..].Select(token => new[] { token })])
        {
            float[] expected = [.. reference.Forward(part)], original = [.. plain.Forward(part)], found = [.. packed.Forward(part)];
            (error, change) = (Math.Max(error, Error(expected, found)), Math.Max(change, Error(original, found)));
        }

        Assert.True(error < tolerance && change > 1e-3, $"{error} from the rounded model, {change} from the model");
    }

    /// <summary>Puts the values of the integers in the place of the weights.</summary>
    private static void Round(ICompiledModel model, PackedWeights packed)
    {
        using var scope = NewDisposeScope();
        using var masters = model.Parameters.Masters();
        var plan = new QuantizationPlan(model.Description.Quantization!);
        var done = new HashSet<nint>();
        foreach (var layer in OnnxExport.Layers(model, masters))
        {
            var columns = (int)layer.Weight.size(1);
            if (packed.Layers.Contains(layer.Name) && done.Add(layer.Source))
            {
                var grid = plan.GridOf(layer.Name, columns)!.Value;
                var rounded = new NearestRounding().Round(layer.Name, layer.Weight, grid);
                var groups = rounded.Scales.Length / (int)layer.Weight.size(0);
                float[] values = [.. rounded.Codes.Select((code, i) => rounded.Scale((i / columns * groups) + (i % columns / grid.Group)) is var scale ? (code - scale.Zero) * scale.Scale : 0)];
                layer.Weight.copy_(tensor(values, layer.Weight.shape));
            }

            layer.Weight.Dispose();
        }

        model.Parameters.CastCompute();
    }
}
