using System.CommandLine;
using System.Diagnostics;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>How fast a trained encoder reads texts here, in either engine: medians over rounds.</summary>
internal static class EncoderBenchCommand
{
    /// <summary>Texts of a round.</summary>
    private const int Texts = 8;

    public static Command Create(ProgramContext program, SharedOptions options)
    {
        var context = program.Model.Context;
        var tokens = BenchCommand.Count("--tokens", "Tokens of a text, of any content.", context);
        var rounds = BenchCommand.Count("--rounds", "Rounds, after one that is not counted.", 5);
        tokens.Require(count => count <= context, $"at most the context of {context}");
        return new Command("bench", "Measures the trained model in the output folder: loading, reading texts, memory.").With(
            [.. options.Running, tokens, rounds],
            result =>
            {
                var start = Stopwatch.GetTimestamp();
                using var loaded = LoadedEncoder.Open(program, result, options);
                var load = Stopwatch.GetElapsedTime(start).TotalSeconds;
                var length = result.GetValue(tokens);
                var seconds = Measure(program, loaded.Program, length, result.GetValue(rounds));
                BenchCommand.Write(program.Output,
                [
                    ("model", $"{program.Model.Name}, {result.GetValue(options.Engine)}, {result.GetValue(options.Device)}"),
                    ("load", BenchCommand.Text($"{load:F2} s")),
                    ("reading", BenchCommand.Text($"{Texts * length / seconds:N0} tokens/s ({length} tokens)")),
                    ("a text", BenchCommand.Text($"{1000 * seconds / Texts:F2} ms")),
                    BenchCommand.Memory(),
                ]);
                return ModelProgram.Done;
            });
    }

    /// <returns>Seconds of a round, the median.</returns>
    private static double Measure(ProgramContext program, IEncoderProgram encoder, int length, int rounds)
    {
        var (random, times) = (new Random(1), new double[rounds]);
        program.Output.Follow("measuring", rounds + 1, step =>
        {
            for (var round = -1; round < rounds; round++)
            {
                program.Interrupt.ThrowIfCancellationRequested();
                int[][] texts = [.. Enumerable.Range(0, Texts).Select(_ => Enumerable.Range(0, length).Select(_ => random.Next(program.Model.Vocabulary)).ToArray())];
                var start = Stopwatch.GetTimestamp();
                foreach (var text in texts) encoder.Encode(text);
                if (round >= 0) times[round] = Stopwatch.GetElapsedTime(start).TotalSeconds;
                step();
            }
        });
        return times.Order().ElementAt(rounds / 2);
    }
}
