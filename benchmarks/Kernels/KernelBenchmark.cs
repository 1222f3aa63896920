using System.Diagnostics;
using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.CpuKernels;

/// <summary>Each of our CPU kernels against libtorch's at the shapes of model P: medians of alternating runs, a Markdown table.</summary>
internal static class KernelBenchmark
{
    private const int Warmups = 40, Repeats = 41;

    /// <param name="args">Parts of kernels' names, all without one; a number of threads, all cores without one.</param>
    public static int Run(string[] args)
    {
        var threads = args.Select(arg => int.TryParse(arg, CultureInfo.InvariantCulture, out var n) ? n : 0)
            .Append(Environment.ProcessorCount).First(n => n > 0);
        var names = args.Where(arg => !char.IsAsciiDigit(arg[0])).ToArray();
        set_num_threads(threads);
        Console.WriteLine($"{threads} threads, medians of {Repeats} alternating runs, the fastest in parentheses\n");
        Console.WriteLine("| kernel | type | libtorch ms | ours ms | libtorch / ours |");
        Console.WriteLine("|---|---|--:|--:|--:|");
        foreach (var type in new[] { ScalarType.BFloat16, ScalarType.Float32 })
        {
            foreach (var @case in KernelCases.All(type).Where(c => names.Length == 0 || names.Any(c.Name.Contains)))
            {
                using var scope = NewDisposeScope();
                var (libtorch, ours) = @case.Prepare();
                Print(@case.Name, type, libtorch, ours);
            }
        }

        return 0;
    }

    private static void Print(string name, ScalarType type, Action libtorch, Action ours)
    {
        for (var i = 0; i < Warmups; i++)
        {
            libtorch();
            ours();
        }

        Thread.Sleep(200); // the JIT compiles in the background what has run often
        var (theirs, own) = (new double[Repeats], new double[Repeats]);
        for (var i = 0; i < Repeats; i++) (theirs[i], own[i]) = (Time(libtorch), Time(ours));
        var (a, b) = (Median(theirs), Median(own));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {(type == ScalarType.BFloat16 ? "bf16" : "fp32")} | {a:F2} ({theirs[0]:F2}) | {b:F2} ({own[0]:F2})"
            + $" | {a / b:F1} ({theirs[0] / own[0]:F1}) |"));
    }

    private static double Time(Action run)
    {
        var start = Stopwatch.GetTimestamp();
        run();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private static double Median(double[] values)
    {
        Array.Sort(values);
        return values[values.Length / 2];
    }
}
