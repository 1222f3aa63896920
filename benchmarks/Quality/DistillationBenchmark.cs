using ModelCompiler.Runtime;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.Quality;

/// <summary>
/// What a student of half of model Q's layers learns from model Q beside the same student alone, after as many steps; and what its step costs
/// with the teacher in it against predictions that were kept. On one thread, in processor time.
/// </summary>
internal static class DistillationBenchmark
{
    private const int QuickSteps = 30, Steps = 3000;

    public static int Run(string[] args)
    {
        set_num_threads(1);
        var steps = args.Contains("--quick") ? QuickSteps : args.Option("--steps", Steps);
        var runs = QualityRuns.Of(args);
        Train("teacher", ModelQ.Definition, seed => ModelQ.Create(CPU, seed));
        var alone = Train("alone", ModelQHalf.Definition, seed => ModelQHalf.Create(CPU, seed));
        var taught = Train("taught", ModelQDistilled.Definition, seed => ModelQDistilled.Create(CPU, seed));
        var kept = Train("kept", ModelQCached.Definition, seed => ModelQCached.Create(CPU, seed));
        Write($"validation loss, taught against alone: {100 * (1 - (taught.Loss / alone.Loss)):F2} % lower; from the 64 likeliest tokens {100 * (1 - (kept.Loss / alone.Loss)):F2} %");
        Write($"step with the teacher against kept predictions: {taught.Seconds / kept.Seconds:F2} times as long");
        return 0;

        QualityPoint Train(string name, ModelDescription model, Func<int, ICompiledModel> create)
        {
            var last = runs.Train(create, steps, seed: 1)[^1];
            Write($"{name,-8} {model.ParameterCount,9:N0} parameters, loss {last.Loss:F4} after {last.Step} steps of {1000 * last.Seconds / last.Step:F0} ms");
            return last;
        }
    }

    private static void Write(FormattableString line) => Console.WriteLine(FormattableString.Invariant(line));
}
