using ModelCompiler.Runtime.Data.Tasks;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Benchmarks;

/// <summary>Sinusoids of amplitude 0.1 to 5 and phase 0 to π, at points from −5 to 5 (Finn et al. 2017).</summary>
internal sealed class Sinusoids : ITaskSource
{
    private const int Points = 20, HeldOut = 1000;

    public int Count(bool heldOut) => heldOut ? HeldOut : int.MaxValue - HeldOut;

    public TaskExamples Examples(int task, bool heldOut)
    {
        var random = new Random(heldOut ? int.MaxValue - task : task);
        var (amplitude, phase) = (0.1 + (4.9 * random.NextDouble()), Math.PI * random.NextDouble());
        double[] x = [.. Enumerable.Range(0, Points).Select(_ => (10 * random.NextDouble()) - 5)];
        return TaskExamples.OfNumbers(x, [.. x.Select(point => amplitude * Math.Sin(point - phase))], Points);
    }
}

internal partial class Sinusoid
{
    [Tasks]
    private static ITaskSource Tasks(ITextTokenizer tokenizer) => new Sinusoids();
}

internal partial class SinusoidRates
{
    [Tasks]
    private static ITaskSource Tasks(ITextTokenizer tokenizer) => new Sinusoids();
}

internal partial class SinusoidPretrained
{
    [Tasks]
    private static ITaskSource Tasks(ITextTokenizer tokenizer) => new Sinusoids();
}
