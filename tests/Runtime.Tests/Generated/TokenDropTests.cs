using ModelCompiler.Runtime.Training;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>Steps whose middle layers see a part of the tokens, against autograd over the same part, and against the model without the directive.</summary>
public sealed class TokenDropTests
{
    [Theory]
    [InlineData(0, 8)]
    [InlineData(5, 16)]
    [InlineData(9, 20)]
    [InlineData(10, 24)]
    public void Gradients_are_autograds(int step, int kept) => Compare<TokenDropped>("token-drop.model.yaml", step, kept);

    [Theory]
    [InlineData(0, 10)]
    [InlineData(5, 20)]
    public void Rotations_have_the_positions_of_the_tokens(int step, int kept) => Compare<TokenDroppedLlama>("token-drop-llama.model.yaml", step, kept);

    [Theory]
    [InlineData(0, 10)]
    [InlineData(5, 20)]
    public void Rotated_columns_beside_latents_too(int step, int kept) => Compare<LatentTokenDrop>("latent-token-drop.model.yaml", step, kept);

    [Fact]
    public void Every_step_draws_anew_and_the_same_step_the_same()
    {
        Assert.Equal(Gradients<TokenDropped>(1), Gradients<TokenDropped>(1));
        Assert.NotEqual(Gradients<TokenDropped>(1), Gradients<TokenDropped>(2));
    }

    [Fact]
    public void With_all_tokens_it_is_the_plain_model_to_the_bit()
    {
        Assert.Equal(Gradients<DropoutPlain>(10), Gradients<TokenDropped>(10));
        Assert.NotEqual(Gradients<DropoutPlain>(9), Gradients<TokenDropped>(9));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public void Recomputation_draws_the_same_tokens(int step)
    {
        Assert.Equal(Gradients<TokenDropped>(step), Gradients<TokenDroppedEveryTwo>(step));
        Assert.Equal(Gradients<TokenDropped>(step), Gradients<TokenDroppedSave>(step));
    }

    [Fact]
    public void A_resumed_run_continues_bit_identically()
    {
        using var scope = NewDisposeScope();
        using var model = TokenDropped.Create(CPU, seed: 3);
        using var training = model.CreateTraining();
        using var resumed = TokenDropped.Create(CPU, seed: 3);
        var (tokens, targets) = GeneratedModels.Batch(model, seed: 1);
        for (var step = 0; step < 4; step++) training.Step(tokens, targets, learningRate: 1e-2);
        using var continued = resumed.CreateTraining();
        foreach (var ((_, from), (_, into)) in model.Parameters.Parameters().Zip(resumed.Parameters.Parameters())) into.copy_(from);
        foreach (var (name, state) in continued.OptimizerState) state.copy_(training.OptimizerState[name]);
        continued.StepNumber = training.StepNumber;
        Assert.Equal(training.Step(tokens, targets, learningRate: 1e-2), continued.Step(tokens, targets, learningRate: 1e-2));
        Assert.Equal(model.Parameters.Gradients.data<float>().ToArray(), resumed.Parameters.Gradients.data<float>().ToArray());
    }

    [Fact]
    public void Evaluation_sees_all_tokens()
    {
        using var plain = DropoutPlain.Create(CPU, seed: 3);
        using var dropping = TokenDropped.Create(CPU, seed: 3);
        using var expected = plain.CreateTraining();
        using var training = dropping.CreateTraining();
        var (tokens, targets) = GeneratedModels.Batch(plain, seed: 1);
        training.Backpropagate(tokens, targets); // leaves values of fewer tokens in the arena
        Assert.Equal(expected.Evaluate(tokens, targets), training.Evaluate(tokens, targets));
    }

    [Fact]
    public void It_reports_the_tokens_of_each_step()
    {
        using var model = TokenDropped.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        var (tokens, targets) = GeneratedModels.Batch(model, seed: 1);
        var source = Assert.IsType<IMetricSource>(training, exactMatch: false);
        List<double?> kept = [];
        for (var step = 0; step < 12; step++)
        {
            training.Step(tokens, targets, learningRate: 1e-3);
            var metrics = new StepMetrics();
            source.Report(metrics);
            kept.Add(metrics.Find("kept-tokens"));
        }
        Assert.Equal([8, 8, 8, 12, 12, 16, 16, 16, 20, 20, 24, 24], kept);
        Assert.Equal([("token drop", "the middle layers saw 8 of 24 tokens at first, all from step 11 on")], source.Facts());
    }

    private static float[] Gradients<TModel>(int step)
        where TModel : ICompiledModel<TModel>
    {
        using var scope = NewDisposeScope();
        using var model = TModel.Create(CPU, seed: 3);
        using var training = model.CreateTraining();
        training.StepNumber = step;
        var (tokens, targets) = GeneratedModels.Batch(model, seed: 1);
        training.Backpropagate(tokens, targets);
        return model.Parameters.Gradients.data<float>().ToArray();
    }

    private static void Compare<TModel>(string file, int step, int kept)
        where TModel : ICompiledModel<TModel>
    {
        using var scope = NewDisposeScope();
        using var model = TModel.Create(CPU, seed: TModel.Definition.Training.Seed);
        GeneratedModels.Scramble(model);
        var (tokens, targets) = GeneratedModels.Batch(model, seed: 1);
        var reference = new TorchReference(model, file, step) { Kept = kept };
        Tensor Rows(long[] values) => tensor(values).view(model.Description.Batch, model.Description.Context);
        var expected = reference.Loss(Rows(tokens), Rows(targets));
        expected.backward();

        using var training = model.CreateTraining();
        training.StepNumber = step;
        Assert.Equal(expected.item<float>(), training.Backpropagate(tokens, targets), 1e-4);
        GradientTests.AssertClose(model, reference, 1e-4);
    }
}
