using System.Globalization;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.Quality;

/// <summary>
/// What techniques do to the way to a loss: trains variants of model Q from several seeds, and compares the time and the steps
/// that each needs to the baseline's final validation loss from the same seed. Medians over the seeds; and how much faster that is
/// than the baseline written by hand in fp32, which makes the same steps. On one thread, in
/// processor time, so that a study of hours may run beside other work.
/// </summary>
/// <remarks>
/// A learning rate that decays to the end of the run reaches a loss late whatever the technique, so a variant that needs less
/// shows it best in a shorter run of its own: <c>muon@0.7</c> makes 70 % of the baseline's steps, with its schedule.
/// </remarks>
internal static class QualityBenchmark
{
    public static int Run(string[] args)
    {
        set_num_threads(1);
        var steps = args.Option("--steps", 3000);
        int[] seeds = [.. args.Option("--seeds", "1,2,3").Split(',').Select(text => int.Parse(text, CultureInfo.InvariantCulture))];
        var runs = QualityRuns.Of(args);
        QualityVariant[] variants =
        [
            .. args.Option("--variants", string.Join(',', QualityVariant.All.Select(variant => variant.Name)))
                .Split(',').Prepend(QualityVariant.Baseline).Distinct().Select(QualityVariant.Parse),
        ];

        foreach (var seed in seeds)
        foreach (var variant in variants)
        {
            var last = runs.Train(variant, steps, seed)[^1];
            Write($"seed {seed}, {variant.Name}: loss {last.Loss:F4} after {last.Step} steps, {last.Seconds:F0} s");
        }

        Console.WriteLine();
        var hand = HandWrittenStep.Ratio();
        Write($"a step written by hand in fp32 costs {hand:F2} of the baseline's");
        Write($"to the baseline's final validation loss, medians of {seeds.Length} seeds; ratios to the baseline");
        Write($"{"variant",-20} {"final loss",10} {"steps",8} {"seconds",9} {"steps ratio",12} {"time ratio",11} {"hand-written",13}");
        foreach (var variant in variants)
            Print(variant, variants[0], steps, seeds, runs, hand);
        return 0;
    }

    private static void Print(QualityVariant variant, QualityVariant of, int steps, int[] seeds, QualityRuns studied, double hand)
    {
        var runs = seeds.Select(seed =>
        {
            var (baseline, run) = (studied.Train(of, steps, seed)[^1], studied.Train(variant, steps, seed));
            // A run that never gets there counts as infinite, so that the median stays honest.
            var reached = run.Where(point => point.Loss <= baseline.Loss).DefaultIfEmpty(new QualityPoint(int.MaxValue, double.PositiveInfinity, double.NaN)).First();
            var there = !double.IsNaN(reached.Loss);
            return (run[^1].Loss, Steps: there ? reached.Step : double.PositiveInfinity, reached.Seconds,
                StepsRatio: there ? (double)reached.Step / baseline.Step : double.PositiveInfinity, TimeRatio: reached.Seconds / baseline.Seconds);
        }).ToArray();
        Write($"{variant.Name,-20} {Median(runs.Select(run => run.Loss)),10:F4} {Median(runs.Select(run => run.Steps)),8:F0} {Median(runs.Select(run => run.Seconds)),9:F0} {Median(runs.Select(run => run.StepsRatio)),12:F2} {Median(runs.Select(run => run.TimeRatio)),11:F2} {hand / Median(runs.Select(run => run.TimeRatio)),12:F1}x");
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }

    private static void Write(FormattableString line) => Console.WriteLine(FormattableString.Invariant(line));
}
