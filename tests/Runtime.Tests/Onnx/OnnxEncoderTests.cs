using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Tests.Generated;
using ModelCompiler.Runtime.Tokenizers;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Onnx;

/// <summary>Exported encoders in ONNX Runtime against the generated programs that they come from.</summary>
public sealed class OnnxEncoderTests
{
    [Fact]
    public void Bert_like() => Compare<Bert>(null, 1e-4);

    [Fact]
    public void Albert_with_two_objectives() => Compare<Albert>(null, 1e-4);

    [Fact]
    public void A_classifier_of_means() => Compare<Classifier>(null, 1e-4);

    /// <summary>Its heads are small and its compute type is bf16: the export is in fp32.</summary>
    [Fact]
    public void Rotary_positions_and_grouped_keys() => Compare<PreNormEncoder>(null, 0.05);

    [Fact]
    public void The_layer_language() => Compare<Bidirectional>(null, 1e-4);

    [Fact]
    public void Int8() => Compare<Bert>(new QuantizationSpec { Weights = WeightType.Int8 }, 0.1);

    [Fact]
    public void Layers_that_share_parameters_store_them_once()
    {
        using var folder = new TemporaryFolder();
        using var model = Export<Albert>(folder.Path, null);
        Assert.InRange(new FileInfo(Path.Combine(folder.Path, "model.onnx.data")).Length, 0, (4 * model.Description.ParameterCount) + 16_384);
    }

    private static TModel Export<TModel>(string folder, QuantizationSpec? quantization)
        where TModel : ICompiledModel<TModel>
    {
        var model = TModel.Create(CPU, seed: 2);
        GeneratedModels.Scramble(model);
        OnnxExport.Write(model, folder, quantization, new ByteTokenizer(), []);
        return model;
    }

    private static void Compare<TModel>(QuantizationSpec? quantization, double tolerance)
        where TModel : ICompiledModel<TModel>
    {
        using var folder = new TemporaryFolder();
        using var model = Export<TModel>(folder.Path, quantization);
        using var expected = model.CreateEncoder();
        using var actual = OnnxEncoder.Open(model.Description, folder.Path);
        Assert.Equal(expected.Width, actual.Width);
        var special = model.Description.Training.SpecialTokens!;
        foreach (var length in (int[])[model.Description.Context, 7, 3])
        {
            int[] tokens = [special.Cls, .. Enumerable.Range(0, length - 2).Select(i => (i * 37) % 256), special.Sep];
            if (length == 7) tokens[3] = special.Sep; // two parts
            Same(expected.Encode(tokens), actual.Encode(tokens));
            var kind = model.Description.Training.Objective.Kind;
            if (kind != ObjectiveKind.Classification) Same(expected.Predict(tokens), actual.Predict(tokens));
            else Assert.Throws<NotSupportedException>(() => actual.Predict(tokens).Length);
            if (kind != ObjectiveKind.Masked) Same(expected.Classify(tokens), actual.Classify(tokens));
            else Assert.Throws<NotSupportedException>(() => actual.Classify(tokens).Length);
        }

        void Same(ReadOnlySpan<float> wanted, ReadOnlySpan<float> found)
        {
            Assert.Equal(wanted.Length, found.Length);
            var (error, scale) = (0f, 0f);
            for (var i = 0; i < wanted.Length; i++)
                (error, scale) = (MathF.Max(error, MathF.Abs(wanted[i] - found[i])), MathF.Max(scale, MathF.Abs(wanted[i])));
            Assert.True(error < tolerance * scale, $"differ by {error}, the largest is {scale}");
        }
    }
}
