using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Generated;

public sealed class TrainingTests
{
    /// <summary>A text that 200 steps can learn: the mean loss of its next byte falls from ln 256 = 5.5 to below this.</summary>
    private const double ReachedLoss = 0.6;

    [Fact]
    public void Two_hundred_steps_lower_the_loss_and_repeat_bit_identically()
    {
        var first = Train<Gpt2>();
        Assert.InRange(first[0], 5.3, 5.8);
        Assert.InRange(first[^1], 0, ReachedLoss);
        Assert.Equal(first, Train<Gpt2>());
    }

    [Fact]
    public void Bf16_learns_as_fp32_does()
    {
        var (fp32, bf16) = (Train<Gpt2>()[^1], Train<Gpt2Bf16>()[^1]);
        Assert.InRange(bf16, 0, fp32 + 0.15);
    }

    /// <summary>What a step says of its sequences is what an evaluation says, though the backward pass takes their memory.</summary>
    [Fact]
    public void A_step_gives_the_loss_of_each_sequence()
    {
        Check<Gpt2>();
        Check<WideVocabulary>();

        static void Check<TModel>()
            where TModel : ICompiledModel<TModel>
        {
            using var model = TModel.Create(CPU, seed: 1);
            using var training = model.CreateTraining();
            var (tokens, targets) = GeneratedModels.Batch(model, seed: 1);
            var (evaluated, stepped) = (new float[model.Description.Batch], new float[model.Description.Batch]);
            var loss = training.Evaluate(tokens, targets, evaluated);
            Assert.Equal(loss, training.Backpropagate(tokens, targets, losses: stepped));
            Assert.Equal(evaluated, stepped);
            Assert.Equal(loss, evaluated.Average(), 1e-4);
            Assert.True(evaluated.Distinct().Count() > 1);
        }
    }

    [Fact]
    public void Fp16_learns_as_fp32_does()
    {
        var (fp32, fp16) = (Train<Gpt2>()[^1], Train<Gpt2Fp16>()[^1]);
        Assert.InRange(fp16, 0, fp32 + 0.05);
    }

    [Fact]
    public void Evaluation_changes_nothing_and_drops_nothing()
    {
        using var scope = NewDisposeScope();
        using var model = DropoutPlain.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        var (tokens, targets) = GeneratedModels.Batch(model, seed: 1);
        var loss = training.Evaluate(tokens, targets);
        Assert.Equal(loss, training.Evaluate(tokens, targets));
        Assert.NotEqual(loss, training.Step(tokens, targets, learningRate: 0).Loss);
        Assert.Equal(loss, training.Evaluate(tokens, targets));
    }

    /// <summary>The losses of 200 steps.</summary>
    internal static double[] Train<TModel>(double learningRate = 3e-3)
        where TModel : ICompiledModel<TModel>
    {
        using var scope = NewDisposeScope();
        using var model = TModel.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        var (batch, context) = (model.Description.Batch, model.Description.Context);
        var text = "the quick brown fox jumps over the lazy dog; "u8.ToArray();
        var random = new Random(1);
        var losses = new double[200];
        for (var step = 0; step < losses.Length; step++)
        {
            var starts = Enumerable.Range(0, batch).Select(_ => random.Next(text.Length)).ToArray();
            long[] Window(int shift) => [.. starts.SelectMany(s => Enumerable.Range(s + shift, context)).Select(i => (long)text[i % text.Length])];
            losses[step] = training.Step(Window(0), Window(1), learningRate).Loss;
        }
        return losses;
    }
}
