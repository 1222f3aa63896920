using ModelCompiler.Benchmarks.Training;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.Gpu;

/// <summary>
/// A training step of GPT-2 small (T 1024, B 8, bf16) on a CUDA device: generated, hand-written TorchSharp, and PyTorch eager and
/// compiled if there is a python3 with it. Sides alternate in rounds; medians.
/// </summary>
internal static class GpuBenchmark
{
    private const int WarmUp = 5, Rounds = 6, Steps = 5;

    public static int Run(string[] args)
    {
        if (!cuda.is_available())
        {
            Console.Error.WriteLine("libtorch finds no CUDA device here. Where there is one, build with -p:ModelCompilerAccelerator=cuda.");
            return 1;
        }

        var script = Path.Combine(AppContext.BaseDirectory, "Gpu", "gpt2.py");
        List<WorkerProcess> workers = [];
        foreach (var create in TrainingWorker.GpuSides.Select(side => (Func<WorkerProcess>)(() => new WorkerProcess(side.Name)))
            .Append(() => new WorkerProcess("pytorch-eager", "python3", [script, "eager"]))
            .Append(() => new WorkerProcess("pytorch-compile", "python3", [script, "compile"])))
        {
            try
            {
                var worker = create();
                worker.Steps(WarmUp); // one after the other, so that each takes its memory from what is free then
                workers.Add(worker);
            }
            catch (Exception e) when (e is System.ComponentModel.Win32Exception or InvalidOperationException or IOException)
            {
                Console.Error.WriteLine($"left out: {e.Message}");
            }
        }

        for (var round = 0; round < Rounds; round++)
            foreach (var worker in workers)
                worker.Milliseconds.AddRange(worker.Steps(Steps));
        foreach (var worker in workers)
            worker.Finish();

        var shape = ModelShape.Gpt2;
        Write($"GPT-2 small, bf16, B {shape.Batch}, T {shape.Context}");
        Write($"{"side",-18} {"ms/step",9} {"fastest",9} {"tokens/s",10} {"peak MiB",9} {"speed of generated",19}");
        foreach (var worker in workers)
            Write($"{worker.Name,-18} {worker.Median,9:F1} {worker.Milliseconds.Min(),9:F1} {1000.0 * shape.Batch * shape.Context / worker.Median,10:F0} {worker.Peak / 1048576.0,9:F0} {worker.Median / workers[0].Median,19:F2}");
        return 0;
    }

    private static void Write(FormattableString line) => Console.WriteLine(FormattableString.Invariant(line));
}
