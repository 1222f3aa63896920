using ModelCompiler.Runtime;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.Quality;

/// <summary>
/// What ALBERT's sharing saves and what it costs: the parameters of model A against those of the same model unshared, and its
/// masked loss beside that of a plain model of as many parameters, after as many steps. On one thread, in processor time.
/// </summary>
internal static class AlbertBenchmark
{
    public static int Run(string[] args)
    {
        set_num_threads(1);
        var steps = args.Option("--steps", 1000);
        var runs = QualityRuns.Of(args);
        var (shared, unshared) = (ModelA.Definition.ParameterCount, ModelAUnshared.Definition.ParameterCount);
        Write($"parameters: {shared:N0} shared, {unshared:N0} unshared, 1/{(double)unshared / shared:F1}");
        Train("albert", ModelA.Definition, seed => ModelA.Create(CPU, seed));
        Train("plain", ModelAPlain.Definition, seed => ModelAPlain.Create(CPU, seed));
        return 0;

        void Train(string name, ModelDescription model, Func<int, ICompiledModel> create)
        {
            var last = runs.Train(create, steps, seed: 1)[^1];
            Write($"{name,-8} {model.ParameterCount,9:N0} parameters, masked loss {last.Loss:F4} after {last.Step} steps, {last.Seconds:F0} s");
        }
    }

    private static void Write(FormattableString line) => Console.WriteLine(FormattableString.Invariant(line));
}
