using System.Diagnostics;
using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.CpuKernels;

/// <summary>
/// At the shapes of model P, each of our CPU kernels against libtorch's, or each fusion against the kernels that it joins:
/// medians of alternating runs, a Markdown table.
/// </summary>
internal static class KernelBenchmark
{
    private const int Warmups = 40, Repeats = 41;

    // Large kernels need no more to be compared.
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(3);

    /// <param name="args">Parts of kernels' names, all without one; a number of threads, all cores without one.</param>
    public static int Run(string[] args) => Run(args, KernelCases.All, "libtorch", "ours");

    /// <param name="args">Parts of fusions' names, all without one; a number of threads, all cores without one.</param>
    public static int RunFusions(string[] args) => Run(args, FusionCases.All, "apart", "joined");

    private static int Run(string[] args, Func<ScalarType, IEnumerable<KernelCase>> cases, string left, string right)
    {
        var threads = args.Select(arg => int.TryParse(arg, CultureInfo.InvariantCulture, out var n) ? n : 0)
            .Append(Environment.ProcessorCount).First(n => n > 0);
        var names = args.Where(arg => !char.IsAsciiDigit(arg[0])).ToArray();
        set_num_threads(threads);
        Console.WriteLine($"{threads} threads, medians of up to {Repeats} alternating runs, the fastest in parentheses\n");
        Console.WriteLine($"| kernel | type | {left} ms | {right} ms | {left} / {right} |");
        Console.WriteLine("|---|---|--:|--:|--:|");
        foreach (var type in new[] { ScalarType.BFloat16, ScalarType.Float32 })
        {
            foreach (var @case in cases(type).Where(c => names.Length == 0 || names.Any(c.Name.Contains)))
            {
                using var scope = NewDisposeScope();
                var (first, second) = @case.Prepare();
                Print(@case.Name, type, first, second);
            }
        }

        return 0;
    }

    private static void Print(string name, ScalarType type, Action first, Action second)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < Warmups && Stopwatch.GetElapsedTime(start) < Longest; i++)
        {
            first();
            second();
        }

        Thread.Sleep(200); // the JIT compiles in the background what has run often
        var (firsts, seconds) = (new List<double>(), new List<double>());
        for (start = Stopwatch.GetTimestamp(); firsts.Count < Repeats && (firsts.Count < 3 || Stopwatch.GetElapsedTime(start) < Longest);)
        {
            firsts.Add(Time(first));
            seconds.Add(Time(second));
        }

        var (a, b) = (Median(firsts), Median(seconds));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {(type == ScalarType.BFloat16 ? "bf16" : "fp32")} | {a:F2} ({firsts[0]:F2}) | {b:F2} ({seconds[0]:F2})"
            + $" | {a / b:F1} ({firsts[0] / seconds[0]:F1}) |"));
    }

    private static double Time(Action run)
    {
        var start = Stopwatch.GetTimestamp();
        run();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private static double Median(List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }
}
