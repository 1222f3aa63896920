using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>Generated encoders against the reference: gradients of their objectives, and inference of sequences of any length.</summary>
public sealed class EncoderTests
{
    [Fact]
    public void Masked() => CompareGradients<Bert>("bert.model.yaml", 1e-4);

    [Fact]
    public void Masked_with_capped_logits()
    {
        CompareGradients<CappedEncoder>("capped-encoder.model.yaml", 1e-4);
        CompareInference<CappedEncoder>("capped-encoder.model.yaml", 1e-4);
        Assert.Equal(0.5, CappedEncoder.Definition.Architecture!.LogitSoftcap);
    }

    [Fact]
    public void Masked_with_a_chunked_loss_in_bf16() => CompareGradients<PreNormEncoder>("pre-norm-encoder.model.yaml", 0.1);

    [Fact]
    public void Masked_with_order_and_shared_parameters() => CompareGradients<Albert>("albert.model.yaml", 1e-4);

    [Fact]
    public void Classification_by_the_mean_of_padded_texts() => CompareGradients<Classifier>("classifier.model.yaml", 1e-4);

    [Fact]
    public void Classification_by_the_first_token_in_bf16() => CompareGradients<ClassifierBf16>("classifier-bf16.model.yaml", 0.1);

    [Fact]
    public void A_decoder_with_shared_parameters_and_a_factorized_embedding() =>
        GradientTests.Compare<AlbertDecoder>("albert-decoder.model.yaml", 1e-4);

    [Fact]
    public void Inference_of_a_masked_model() => CompareInference<Bert>("bert.model.yaml", 1e-4);

    [Fact]
    public void Inference_in_bf16() => CompareInference<PreNormEncoder>("pre-norm-encoder.model.yaml", 0.1);

    [Fact]
    public void Inference_of_a_model_with_head_and_classifier() => CompareInference<Albert>("albert.model.yaml", 1e-4);

    [Fact]
    public void Inference_of_a_classifier() => CompareInference<Classifier>("classifier.model.yaml", 1e-4);

    /// <summary>The same text behind any amount of padding gives the same loss and the same gradients.</summary>
    [Fact]
    public void Padding_changes_nothing()
    {
        var special = ClassifierBf16.Definition.Training.SpecialTokens!;
        var (losses, gradients) = (new List<double>(), new List<float[]>());
        foreach (var noise in new[] { 5, 200 })
        {
            using var model = ClassifierBf16.Create(CPU, seed: 1);
            GeneratedModels.Scramble(model);
            var (tokens, targets) = EncoderBatches.Of(ClassifierBf16.Definition, seed: 3);
            // What the embedding says of padding must not matter.
            using (var row = model.Parameters.Parameters().Single(p => p.Name == "embedding.weight").Value[special.Pad]) row.fill_(noise);
            model.Parameters.CastCompute();
            using var training = model.CreateTraining();
            losses.Add(training.Backpropagate(tokens, targets));
            var info = model.Parameters.Layout.Single(p => p.Name == "blocks.1.mlp.up.weight");
            using var gradient = model.Parameters.GradientView(info.Offset, info.Shape);
            gradients.Add(gradient.data<float>().ToArray());
        }

        Assert.Equal(losses[0], losses[1]);
        Assert.Equal(gradients[0], gradients[1]);
    }

    [Fact]
    public void A_program_tells_the_loss_and_accuracy_of_each_task()
    {
        using var model = Albert.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        var (tokens, targets) = EncoderBatches.Of(Albert.Definition, seed: 1);
        var loss = training.Evaluate(tokens, targets);
        var metrics = new StepMetrics();
        ((IMetricSource)training).Report(metrics);
        Assert.Equal(loss, metrics.Find("masked-loss")!.Value + metrics.Find("order-loss")!.Value, 1e-6);
        Assert.InRange(metrics.Find("masked-accuracy")!.Value, 0, 1);
        Assert.Contains(metrics.Find("order-accuracy")!.Value, Enumerable.Range(0, 4).Select(right => (double)(right / 3f)));
    }

    [Fact]
    public void What_a_model_cannot_do_is_said()
    {
        using var encoder = Classifier.Create(CPU, seed: 1);
        Assert.Contains("CreateEncoder", Assert.Throws<NotSupportedException>(() => ((ICompiledModel)encoder).CreateInference()).Message, StringComparison.Ordinal);
        using var program = encoder.CreateEncoder();
        Assert.Contains("classification", Assert.Throws<NotSupportedException>(() => program.Predict([1]).Length).Message, StringComparison.Ordinal);
        Assert.Contains("context of 24", Assert.Throws<ArgumentException>(() => program.Encode(new int[25]).Length).Message, StringComparison.Ordinal);
        using var decoder = AlbertDecoder.Create(CPU, seed: 1);
        Assert.Contains("CreateInference", Assert.Throws<NotSupportedException>(() => ((ICompiledModel)decoder).CreateEncoder()).Message, StringComparison.Ordinal);
    }

    private static void CompareGradients<TModel>(string file, double tolerance)
        where TModel : ICompiledModel<TModel> =>
        GradientTests.Compare<TModel>(file, tolerance, batch: EncoderBatches.Of(TModel.Definition, seed: 2));

    private static void CompareInference<TModel>(string file, double tolerance)
        where TModel : ICompiledModel<TModel>
    {
        using var scope = NewDisposeScope();
        using var gradientless = no_grad();
        using ICompiledModel model = TModel.Create(CPU, seed: 2);
        GeneratedModels.Scramble(model);
        using var program = model.CreateEncoder();
        var (description, special) = (model.Description, model.Description.Training.SpecialTokens!);
        foreach (var length in new[] { 5, description.Context, 5, 17 })
        {
            int[] tokens = [special.Cls, .. Enumerable.Range(2, length - 2).Select(i => i == length / 2 ? special.Sep : i * 37 % special.Pad), special.Sep];
            var reference = new TorchReference(model, file, step: 0) { Drops = false };
            var logits = reference.Logits(tensor(tokens.Select(token => (long)token).ToArray()).view(1, length));
            Check("vectors", reference.Hidden, program.Encode(tokens));
            if (description.Training.Objective.Kind != ObjectiveKind.Classification) Check("logits", logits, program.Predict(tokens));
            if (reference.Classes is not null) Check("classes", reference.Classes, program.Classify(tokens));
        }

        void Check(string what, Tensor expected, ReadOnlySpan<float> actual)
        {
            var wanted = expected.contiguous().data<float>().ToArray();
            Assert.Equal(wanted.Length, actual.Length);
            var scale = wanted.Max(MathF.Abs);
            for (var i = 0; i < wanted.Length; i++)
                Assert.True(Math.Abs(wanted[i] - actual[i]) < tolerance * scale, $"{what} of {expected.shape[1]}, element {i}: {actual[i]} instead of {wanted[i]}");
        }
    }
}
