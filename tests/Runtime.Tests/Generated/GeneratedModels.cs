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

    public static (Tensor Tokens, Tensor Targets) Batch(ICompiledModel model, int seed)
    {
        var d = model.Description;
        var random = new Random(seed);
        Tensor Draw() => tensor(Enumerable.Range(0, d.Batch * d.Context).Select(_ => (long)random.Next(d.Vocabulary)).ToArray()).view(d.Batch, d.Context);
        return (Draw(), Draw());
    }
}
