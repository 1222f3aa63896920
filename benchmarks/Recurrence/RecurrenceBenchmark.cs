using System.Diagnostics;
using ModelCompiler.Runtime;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Batches;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.Recurrence;

/// <summary>
/// What the memory of a Transformer-XL buys: model X with and without it, trained for the same processor time on one thread, in turn so that
/// whatever slows the machine slows both, and measured on the same stretches of held-out text; and evaluation with the memory against a
/// window of as many tokens that is computed anew for each position.
/// </summary>
internal static class RecurrenceBenchmark
{
    private const int Segments = 64, Timed = 20, QuickSeconds = 60, Seconds = 1200;

    public static int Run(string[] args)
    {
        set_num_threads(1);
        var budget = args.Contains("--quick") ? QuickSeconds : args.Option("--seconds", Seconds);
        var definition = ModelX.Definition;
        using var data = Dataset.Open(definition.Training, definition.Vocabulary, report: Console.Error.WriteLine);

        using var remembering = ModelX.Create(CPU, seed: 1);
        using var forgetful = ModelXForgetful.Create(CPU, seed: 1);
        using var with = new TimedTraining(remembering, data, budget);
        using var without = new TimedTraining(forgetful, data, budget);
        while (true)
        {
            // Whichever has had less time; both end when neither has any left.
            var next = with.Spent <= without.Spent ? with : without;
            if (next.Spent >= budget) break;
            next.Step();
        }

        var (bits, bitsWithout) = (Evaluate(with.Program, definition, data), Evaluate(without.Program, ModelXForgetful.Definition, data));
        Write($"Model X, {budget} s of processor time each, one thread, bf16; {Segments} segments of {definition.Batch} stretches of held-out text");
        Write($"{"",-16} {"bits per byte",14} {"steps",8} {"ms a step",10}");
        Write($"{"with memory",-16} {bits,14:F4} {with.Steps,8} {1000.0 * budget / with.Steps,10:F1}");
        Write($"{"without",-16} {bitsWithout,14:F4} {without.Steps,8} {1000.0 * budget / without.Steps,10:F1}");
        Write($"lower by {100 * (1 - (bits / bitsWithout)):F2} % (aim: 2 %)");
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
