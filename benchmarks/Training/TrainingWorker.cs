using System.Diagnostics;
using System.Globalization;
using ModelCompiler.Benchmarks.HandWritten;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.Training;

/// <summary>
/// The child process of one side: for each line n on standard input it makes n steps and answers with their
/// milliseconds; at the end of input it answers with its peak memory. A process of its own gives a peak of its own.
/// </summary>
internal static class TrainingWorker
{
    public const int Threads = 2;

    public static readonly (string Name, Func<ITrainingSide> Create)[] Sides =
    [
        ("hand-fp32", () => new HandWrittenTraining(ScalarType.Float32)),
        ("hand-bf16", () => new HandWrittenTraining(ScalarType.BFloat16)),
        ("generated-fp32", () => new GeneratedTraining<ModelP>()),
        ("generated-bf16", () => new GeneratedTraining<ModelPBf16>()),
        ("budget-fp32", () => new GeneratedTraining<ModelPBudget>()),
        ("blocks-fp32", () => new GeneratedTraining<ModelPBlocks>()),
        ("lean-fp32", () => new GeneratedTraining<ModelPLean>()),
        ("lean-bf16", () => new GeneratedTraining<ModelPLeanBf16>()),
    ];

    public static int Run(string[] args)
    {
        set_num_threads(Threads);
        var random = new Random(1);
        long[] tokens = Draw(random), targets = Draw(random);

        var floor = PeakBytes(); // libtorch and the runtime, before there is a model
        using var side = Sides.First(side => side.Name == args[0]).Create();
        while (Console.ReadLine() is { } line)
        {
            var milliseconds = new double[int.Parse(line, CultureInfo.InvariantCulture)];
            for (var i = 0; i < milliseconds.Length; i++)
            {
                var start = Stopwatch.GetTimestamp();
                var loss = side.Step(tokens, targets);
                milliseconds[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                if (!double.IsFinite(loss))
                    throw new InvalidOperationException($"{args[0]}: the loss is {loss}.");
            }

            Console.WriteLine(string.Join(' ', milliseconds.Select(ms => ms.ToString("R", CultureInfo.InvariantCulture))));
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{PeakBytes()} {floor} {side.PlannedBytes ?? -1}"));
        return 0;
    }

    private static long[] Draw(Random random) =>
        [.. Enumerable.Range(0, ModelShape.Batch * ModelShape.Context).Select(_ => (long)random.Next(ModelShape.Vocabulary))];

    private static long PeakBytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
