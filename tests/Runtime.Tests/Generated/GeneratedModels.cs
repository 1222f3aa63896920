using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Generated;

internal static class GeneratedModels
{
    /// <summary>Moves every parameter off its initial value, so that no gradient is zero by chance.</summary>
    public static void Scramble(ICompiledModel model)
    {
        using var generator = new Generator(7, CPU);
        foreach (var (_, value) in model.Parameters.Parameters())
        {
            using var noised = randn(value.shape, generator: generator).mul_(0.1);
            value.add_(noised);
        }
        model.Parameters.CastCompute();
    }

    /// <summary>Random tokens and targets [B, T].</summary>
    public static (long[] Tokens, long[] Targets) Batch(ICompiledModel model, int seed)
    {
        var d = model.Description;
        var random = new Random(seed);
        long[] Draw() => [.. Enumerable.Range(0, d.Batch * d.Context).Select(_ => (long)random.Next(d.Vocabulary))];
        return (Draw(), Draw());
    }

    /// <summary>One step on one batch.</summary>
    public static StepResult Step(this ITrainingProgram training, long[] tokens, long[] targets, double learningRate)
    {
        training.Backpropagate(tokens, targets);
        return training.Update(learningRate);
    }
}
