using ModelCompiler.Runtime.Data.Tasks;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Tests;

internal partial class MetaSinusoid
{
    [Tasks]
    private static ITaskSource Sinusoids(ITextTokenizer tokenizer) => new SinusoidTasks();

    private sealed class SinusoidTasks : ITaskSource
    {
        public int Count(bool heldOut) => heldOut ? 16 : 1000;

        public TaskExamples Examples(int task, bool heldOut)
        {
            var random = new Random(task + (heldOut ? 1_000_000 : 0));
            var (amplitude, phase) = (0.1 + (4.9 * random.NextDouble()), Math.PI * random.NextDouble());
            double[] x = [.. Enumerable.Range(0, 12).Select(_ => (10 * random.NextDouble()) - 5)];
            return TaskExamples.OfNumbers(x, [.. x.Select(v => amplitude * Math.Sin(v - phase))], x.Length);
        }
    }
}
