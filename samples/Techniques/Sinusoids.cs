using ModelCompiler;
using ModelCompiler.Runtime.Data.Tasks;
using ModelCompiler.Runtime.Tokenizers;

namespace Techniques;

/// <summary>The tasks of sinusoids.model.yaml.</summary>
public partial class Sinusoids
{
    [Tasks]
    private static ITaskSource Tasks(ITextTokenizer tokenizer) => new AnySinusoid();

    /// <summary>Amplitude 0.1 to 5, phase 0 to π, twenty points from −5 to 5.</summary>
    private sealed class AnySinusoid : ITaskSource
    {
        public int Count(bool heldOut) => heldOut ? 16 : int.MaxValue - 16;

        public TaskExamples Examples(int task, bool heldOut)
        {
            var random = new Random(heldOut ? int.MaxValue - task : task);
            var (amplitude, phase) = (0.1 + (4.9 * random.NextDouble()), Math.PI * random.NextDouble());
            double[] x = [.. Enumerable.Range(0, 20).Select(_ => (10 * random.NextDouble()) - 5)];
            return TaskExamples.OfNumbers(x, [.. x.Select(point => amplitude * Math.Sin(point - phase))], x.Length);
        }
    }
}
