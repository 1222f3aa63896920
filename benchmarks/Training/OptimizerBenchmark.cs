using System.Diagnostics;
using ModelCompiler.Runtime;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.Training;

/// <summary>The update of each optimizer on model P in bf16: its time, alone and in the step, and the bytes that it carries.</summary>
internal static class OptimizerBenchmark
{
    private const int Updates = 20, Passes = 5;

    public static int Run(string[] args)
    {
        set_num_threads(TrainingWorker.Threads);
        Console.WriteLine($"Model P, bf16, {TrainingWorker.Threads} threads: medians of {Updates} updates and of {Passes} passes");
        Console.WriteLine($"{"optimizer",-12} {"update ms",10} {"fastest",10} {"passes ms",10} {"state MiB",10} {"managed B",10}");
        Measure<ModelPBf16>("adamw");
        Measure<ModelPSgd>("sgd");
        Measure<ModelPLion>("lion");
        Measure<ModelPMuon>("muon");
        Measure<ModelPAdamW8Bit>("adamw-8bit");
        return 0;
    }

    private static void Measure<TModel>(string name)
        where TModel : ICompiledModel<TModel>
    {
        using var model = TModel.Create(CPU, seed: 1);
        using var program = model.CreateTraining();
        var random = new Random(1);
        var (tokens, targets) = (ModelShape.P.Draw(random), ModelShape.P.Draw(random));
        for (var i = 0; i < 3; i++) // first touch of memory, choice of kernels, the JIT
        {
            program.Backpropagate(tokens, targets);
            program.Update(3e-4);
        }

        var passes = Times(Passes, () => program.Backpropagate(tokens, targets));
        var before = GC.GetAllocatedBytesForCurrentThread();
        program.Update(3e-4);
        var managed = GC.GetAllocatedBytesForCurrentThread() - before;
        var updates = Times(Updates, () => program.Update(3e-4));
        var state = program.OptimizerState.Values.Sum(values => values.numel() * values.element_size());
        Console.WriteLine(FormattableString.Invariant(
            $"{name,-12} {updates[Updates / 2],10:F1} {updates[0],10:F1} {passes[Passes / 2],10:F1} {state / 1048576.0,10:F1} {managed,10}"));
    }

    /// <summary>Milliseconds, ascending.</summary>
    private static double[] Times(int count, Action action)
    {
        var times = new double[count];
        for (var i = 0; i < count; i++)
        {
            var start = Stopwatch.GetTimestamp();
            action();
            times[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }

        return [.. times.Order()];
    }
}
