using System.Globalization;
using ModelCompiler.Benchmarks.Inference;
using ModelCompiler.Runtime;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Tokenizers;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.Quality;

/// <summary>
/// What pruning costs model Q in bits per byte after as many steps as the dense model makes, from the same seeds; and how much faster
/// the model decodes whose heads and neurons are removed, which the dense one teaches, in ONNX Runtime. On one thread, in processor time for training.
/// </summary>
internal static class PruningBenchmark
{
    private const int Steps = 3000, QuickSteps = 200, Tokens = 200, Rounds = 5;

    public static int Run(string[] args)
    {
        set_num_threads(1);
        var quick = args.Contains("--quick");
        var at = Array.IndexOf(args, "--seeds");
        int[] seeds = [.. (at >= 0 ? args[at + 1] : "1").Split(',').Select(text => int.Parse(text, CultureInfo.InvariantCulture))];
        var steps = quick ? QuickSteps : Steps;
        var runs = QualityRuns.Of(args);
        (string Name, Func<int, ICompiledModel> Dense, Func<int, ICompiledModel> Pruned)[] pairs = quick
            ?
            [
                ("50 %, magnitude, cubic", seed => QuickQ.Create(CPU, seed), seed => QuickQMagnitude.Create(CPU, seed)),
                ("2:4, wanda", seed => QuickQ.Create(CPU, seed), seed => QuickQWanda.Create(CPU, seed)),
                ("1/3 of heads, 40 % of neurons", seed => QuickQHeads.Create(CPU, seed), seed => QuickQSmaller.Create(CPU, seed)),
            ]
            :
            [
                ("50 %, magnitude, cubic", seed => ModelQ.Create(CPU, seed), seed => ModelQMagnitude.Create(CPU, seed)),
                ("2:4, wanda", seed => ModelQ.Create(CPU, seed), seed => ModelQWanda.Create(CPU, seed)),
                ("1/3 of heads, 40 % of neurons", seed => ModelQHeads.Create(CPU, seed), seed => ModelQSmaller.Create(CPU, seed)),
            ];

        foreach (var (name, dense, pruned) in pairs)
        foreach (var seed in seeds)
        {
            var (before, after) = (BitsPerByte(runs, dense, steps, seed), BitsPerByte(runs, pruned, steps, seed));
            Write($"{name,-30} seed {seed}: {after:F4} bits per byte where dense has {before:F4} ({(after / before) - 1:+0.00 %;-0.00 %;0.00 %})");
        }

        using ICompiledModel large = quick ? QuickQHeads.Create(CPU, 1) : ModelQHeads.Create(CPU, 1);
        using ICompiledModel small = quick ? QuickQSmallerPruned.Create(CPU, 1) : ModelQSmallerPruned.Create(CPU, 1);
        var (slow, fast) = Decode(large, small);
        Write($"decode: {fast:F0} tokens/s where dense has {slow:F0} ({fast / slow:F2}x); {small.Description.ParameterCount:N0} parameters of {large.Description.ParameterCount:N0}");
        return 0;
    }

    /// <summary>Of the last validation; a byte is a token.</summary>
    private static double BitsPerByte(QualityRuns runs, Func<int, ICompiledModel> create, int steps, int seed) =>
        runs.Train(create, steps, seed)[^1].Loss / Math.Log(2);

    /// <summary>Tokens per second of both, medians of alternating rounds.</summary>
    private static (double First, double Second) Decode(ICompiledModel first, ICompiledModel second)
    {
        var folder = Directory.CreateTempSubdirectory("pruning-");
        try
        {
            using var exportedA = Open(first, Path.Combine(folder.FullName, "a"));
            using var exportedB = Open(second, Path.Combine(folder.FullName, "b"));
            using var a = exportedA.CreateInference();
            using var b = exportedB.CreateInference();
            return DecodingRates.Of(a, b, Tokens, Rounds);
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        static OnnxModel Open(ICompiledModel model, string path)
        {
            OnnxExport.Write(model, path, null, new ByteTokenizer(), []);
            return OnnxModel.Open(model.Description, path, new() { Prepack = true });
        }
    }

    private static void Write(FormattableString line) => Console.WriteLine(FormattableString.Invariant(line));
}
