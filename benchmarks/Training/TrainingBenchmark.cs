using System.Diagnostics;
using System.Globalization;

namespace ModelCompiler.Benchmarks.Training;

/// <summary>
/// Alternates the sides in rounds, so that whatever else the machine does meets all of them alike, and prints the
/// median step time and the peak memory of each, with the ratios to aim at.
/// </summary>
internal static class TrainingBenchmark
{
    private const double MiB = 1024 * 1024;

    public static int Run(string[] args)
    {
        var quick = args.Contains("--quick");
        var (rounds, steps) = quick ? (3, 2) : (8, 4);
        var workers = TrainingWorker.Sides.Select(side => new Worker(side.Name)).ToArray();

        foreach (var worker in workers)
            worker.Steps(2); // warm-up: first touch of memory, choice of kernels
        for (var round = 0; round < rounds; round++)
            foreach (var worker in workers)
                worker.Milliseconds.AddRange(worker.Steps(steps));
        foreach (var worker in workers)
            worker.Finish();

        Print(workers);
        return 0;
    }

    private static void Print(Worker[] workers)
    {
        Write($"Model P: {ModelShape.Layers} layers, width {ModelShape.Width}, B {ModelShape.Batch}, T {ModelShape.Context}; {TrainingWorker.Threads} threads");
        Write($"{"side",-16} {"ms/step",9} {"min",9} {"peak MiB",9} {"above libtorch",15} {"planned MiB",12}");
        foreach (var worker in workers)
            Write($"{worker.Name,-16} {worker.Median,9:F1} {worker.Milliseconds.Min(),9:F1} {worker.Peak / MiB,9:F0} {(worker.Peak - worker.Floor) / MiB,15:F0} {(worker.Planned < 0 ? "-" : (worker.Planned / MiB).ToString("F1", CultureInfo.InvariantCulture)),12}");
    }

    private static void Write(FormattableString line) => Console.WriteLine(FormattableString.Invariant(line));

    private sealed class Worker
    {
        private readonly Process _process;

        public Worker(string name)
        {
            Name = name;
            var start = new ProcessStartInfo(Environment.ProcessPath!, ["training-worker", name])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            };
            _process = Process.Start(start)!;
        }

        public string Name { get; }

        public List<double> Milliseconds { get; } = [];

        public double Median => Milliseconds.Order().ElementAt(Milliseconds.Count / 2);

        public long Peak { get; private set; }

        public long Floor { get; private set; }

        public long Planned { get; private set; }

        public double[] Steps(int count)
        {
            _process.StandardInput.WriteLine(count);
            return Answer().Select(text => double.Parse(text, CultureInfo.InvariantCulture)).ToArray();
        }

        public void Finish()
        {
            _process.StandardInput.Close();
            var answer = Answer().Select(text => long.Parse(text, CultureInfo.InvariantCulture)).ToArray();
            (Peak, Floor, Planned) = (answer[0], answer[1], answer[2]);
            _process.WaitForExit();
        }

        private string[] Answer() =>
            _process.StandardOutput.ReadLine()?.Split(' ') ?? throw new InvalidOperationException($"{Name} ended early.");
    }
}
