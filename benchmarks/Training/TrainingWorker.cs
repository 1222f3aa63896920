using System.Diagnostics;
using System.Globalization;
using ModelCompiler.Benchmarks.HandWritten;
using ModelCompiler.Runtime.Memory;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.Training;

/// <summary>
/// The child process of one side: for each line n on standard input it makes n steps and answers with their
/// milliseconds; at the end of input it answers with its peak memory. A process of its own gives a peak of its own.
/// </summary>
internal static class TrainingWorker
{
    public const int Threads = 2;

    /// <summary>Model P on the CPU.</summary>
    public static readonly (string Name, Func<ITrainingSide> Create)[] Sides =
    [
        ("hand-fp32", () => HandWrittenTraining.Gpt(ModelShape.P, ScalarType.Float32, CPU)),
        ("hand-bf16", () => HandWrittenTraining.Gpt(ModelShape.P, ScalarType.BFloat16, CPU)),
        ("generated-fp32", () => new GeneratedTraining<ModelP>(CPU)),
        ("generated-bf16", () => new GeneratedTraining<ModelPBf16>(CPU)),
        ("budget-fp32", () => new GeneratedTraining<ModelPBudget>(CPU)),
        ("blocks-fp32", () => new GeneratedTraining<ModelPBlocks>(CPU)),
        ("lean-fp32", () => new GeneratedTraining<ModelPLean>(CPU)),
        ("lean-bf16", () => new GeneratedTraining<ModelPLeanBf16>(CPU)),
    ];

    /// <summary>GPT-2 small on a CUDA device.</summary>
    public static readonly (string Name, Func<ITrainingSide> Create)[] GpuSides =
    [
        ("gpu-generated", () => new GeneratedTraining<Gpt2Small>(CUDA)),
        ("gpu-hand-written", () => HandWrittenTraining.Gpt(ModelShape.Gpt2, ScalarType.BFloat16, CUDA)),
    ];

    public static int Run(string[] args)
    {
        set_num_threads(Threads);
        var onGpu = GpuSides.Any(side => side.Name == args[0]);
        var (shape, device) = onGpu ? (ModelShape.Gpt2, CUDA) : (ModelShape.P, CPU);
        var random = new Random(1);
        long[] tokens = shape.Draw(random), targets = shape.Draw(random);

        var free = onGpu ? FreeMemory.On(CUDA)!.Value.Bytes : 0;
        var floor = PeakBytes(device, free); // libtorch and the runtime, before there is a model
        using var side = Sides.Concat(GpuSides).First(side => side.Name == args[0]).Create();
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

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{PeakBytes(device, free)} {floor} {side.PlannedBytes ?? -1}"));
        return 0;
    }

    /// <param name="device">Where the side trains.</param>
    /// <param name="free">On CUDA, bytes that were free before; libtorch keeps what it has taken from the device.</param>
    private static long PeakBytes(Device device, long free)
    {
        if (device.type == DeviceType.CUDA)
            return free - FreeMemory.On(device)!.Value.Bytes;
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
