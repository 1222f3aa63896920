using System.Diagnostics;
using ModelCompiler.Runtime;

namespace ModelCompiler.Benchmarks.Inference;

/// <summary>How fast two programs generate, token by token of all their sequences from empty caches.</summary>
internal static class DecodingRates
{
    /// <summary>In which threads of the program before stop spinning.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Tokens per second of both, medians of alternating rounds, of which one more warms up.</summary>
    /// <param name="first">A program.</param>
    /// <param name="second">Another.</param>
    /// <param name="tokens">Of a round, as far as the context goes.</param>
    /// <param name="rounds">An odd number.</param>
    public static (double First, double Second) Of(IInferenceProgram first, IInferenceProgram second, int tokens, int rounds)
    {
        List<double> ofFirst = [], ofSecond = [];
        for (var round = 0; round <= rounds; round++)
        {
            ofFirst.Add(Rate(first, tokens));
            ofSecond.Add(Rate(second, tokens));
        }

        return (Median(ofFirst), Median(ofSecond));
    }

    private static double Rate(IInferenceProgram program, int most)
    {
        var tokens = Math.Min(most, program.Context - 1);
        int[] sequences = [.. Enumerable.Range(0, program.Batch)], next = new int[program.Batch];
        foreach (var sequence in sequences) program.Truncate(sequence, 0);
        Thread.Sleep(Pause);
        var start = Stopwatch.GetTimestamp();
        for (var token = 0; token < tokens; token++)
        {
            Array.Fill(next, token % program.Vocabulary);
            _ = program.Step(sequences, next);
        }

        return sequences.Length * tokens / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static double Median(List<double> rates) => rates.Skip(1).Order().ElementAt((rates.Count - 1) / 2);
}
