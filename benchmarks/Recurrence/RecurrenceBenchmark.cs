using System.Diagnostics;
using System.Globalization;
using ModelCompiler.Runtime;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Batches;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.Recurrence;

/// <summary>
/// What the memory of a Transformer-XL buys: model X with and without it, trained for the same processor time on one thread and
/// measured on the same stretches of held-out text; and evaluation with the memory against a window of as many tokens that is
/// computed anew for each position.
/// </summary>
internal static class RecurrenceBenchmark
{
    private const int Segments = 64, Timed = 20;
    private const double Peak = 4e-4, Warmup = 0.05, Final = 0.1;

    public static int Run(string[] args)
    {
        set_num_threads(1);
        var at = Array.IndexOf(args, "--seconds");
        var budget = at >= 0 ? double.Parse(args[at + 1], CultureInfo.InvariantCulture) : args.Contains("--quick") ? 60 : 1800;
        var definition = ModelX.Definition;
        using var data = Dataset.Open(definition.Training, definition.Vocabulary, report: Console.Error.WriteLine);

        using var remembering = ModelX.Create(CPU, seed: 1);
        using var forgetful = ModelXForgetful.Create(CPU, seed: 1);
        var with = Train(remembering, data, budget);
        var without = Train(forgetful, data, budget);
        Write($"Model X, {budget:F0} s of processor time each, one thread, fp32; {Segments} segments of {definition.Batch} stretches of held-out text");
        Write($"{"",-16} {"bits per byte",14} {"steps",8} {"ms a step",10}");
        Write($"{"with memory",-16} {with.Bits,14:F4} {with.Steps,8} {1000 * budget / with.Steps,10:F1}");
        Write($"{"without",-16} {without.Bits,14:F4} {without.Steps,8} {1000 * budget / without.Steps,10:F1}");
        Write($"lower by {100 * (1 - (with.Bits / without.Bits)):F2} % (aim: 2 %)");
        Console.WriteLine();

        using var window = ModelXWindow.Create(CPU, seed: 1);
        window.Parameters.Master.copy_(remembering.Parameters.Master);
        window.Parameters.CastCompute();
        var (recurrent, recomputed) = (SecondsOfPass(remembering, data), SecondsOfPass(window, data));
        var perToken = recurrent / (definition.Batch * definition.Context);
        var perWindow = recomputed / definition.Batch;
        Write($"evaluation, a position: with memory {1e6 * perToken:F1} us, a window of {ModelXWindow.Definition.Context} tokens computed anew {1e6 * perWindow:F0} us");
        Write($"{perWindow / perToken:F0} times faster (aim: 100)");
        return 0;
    }

    /// <summary>Trains for a time, by which the learning rate warms up and decays, so that either model has the whole schedule.</summary>
    private static (double Bits, int Steps) Train(ICompiledModel model, Dataset data, double budget)
    {
        var description = model.Description;
        var (batch, context, steps) = (description.Batch, description.Context, 0);
        IBatchSource source = description.SegmentMemory > 0
            ? new StreamBatches(data.Training, batch, context, seed: 1)
            : new BatchSource(data.Training, batch, context, seed: 1);
        using var program = model.CreateTraining();
        if (program.Memory is { } memory) memory.StartOfText = data.Tokenizer.StartOfText;
        var (tokens, targets) = (new long[batch * context], new long[batch * context]);
        var start = Environment.CpuUsage.TotalTime;
        for (double share; (share = (Environment.CpuUsage.TotalTime - start).TotalSeconds / budget) < 1; steps++)
        {
            source.Fill(steps, tokens, targets);
            program.Backpropagate(tokens, targets);
            var cosine = Final + ((1 - Final) * (1 + Math.Cos(Math.PI * share)) / 2);
            var loss = program.Update(Peak * Math.Min(1, share / Warmup) * cosine).Loss;
            if (steps % 200 == 0) Console.Error.WriteLine(FormattableString.Invariant($"{description.Name}: {100 * share:F0} %, step {steps}, loss {loss:F3}"));
        }

        return (Evaluate(program, description, data), steps);
    }

    /// <summary>Bits per byte of stretches of the held-out text, each read segment by segment from its start; bytes are tokens.</summary>
    private static double Evaluate(ITrainingProgram program, ModelDescription description, Dataset data)
    {
        var windows = new ValidationWindows(data.Validation, description.Batch, description.Context, Segments, continuous: true);
        var (tokens, targets, loss) = (new long[windows.Batch * windows.Sequence], new long[windows.Batch * windows.Sequence], 0.0);
        program.Memory?.ClearEvaluation();
        for (var index = 0; index < windows.Batches; index++)
        {
            windows.Fill(index, tokens, targets);
            loss += program.Evaluate(tokens, targets) / windows.Batches;
        }

        return windows.BitsPerByte(loss, data.Tokenizer);
    }

    /// <summary>The fastest of several forward passes of a batch, by a program that only evaluates.</summary>
    private static double SecondsOfPass(ICompiledModel model, Dataset data)
    {
        var windows = new ValidationWindows(data.Validation, model.Description.Batch, model.Description.Context, Timed, continuous: true);
        var (tokens, targets) = (new long[windows.Batch * windows.Sequence], new long[windows.Batch * windows.Sequence]);
        using var program = model.CreateTraining();
        var fastest = double.PositiveInfinity;
        for (var index = 0; index < windows.Batches; index++)
        {
            windows.Fill(index, tokens, targets);
            var start = Stopwatch.GetTimestamp();
            program.Evaluate(tokens, targets);
            fastest = Math.Min(fastest, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return fastest;
    }

    private static void Write(FormattableString line) => Console.WriteLine(FormattableString.Invariant(line));
}
