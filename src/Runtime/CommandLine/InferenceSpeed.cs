using System.Diagnostics;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>How fast a program runs: medians over rounds.</summary>
/// <param name="PromptTokensPerSecond">Of prompts, one after the other.</param>
/// <param name="MillisecondsPerStep">Of a step, which generates a token of each sequence.</param>
/// <param name="TokensPerSecond">Generated tokens of all sequences.</param>
/// <param name="BytesPerStep">Managed bytes that a step allocates.</param>
internal sealed record InferenceSpeed(double PromptTokensPerSecond, double MillisecondsPerStep, double TokensPerSecond, long BytesPerStep)
{
    /// <param name="program">The program.</param>
    /// <param name="prompt">Tokens of a prompt.</param>
    /// <param name="steps">Steps of a round.</param>
    /// <param name="rounds">Rounds, after one that is not counted.</param>
    /// <param name="output">Shows the progress.</param>
    /// <param name="interrupt">Ends it.</param>
    public static InferenceSpeed Measure(IInferenceProgram program, int prompt, int steps, int rounds, ProgramOutput output, CancellationToken interrupt)
    {
        var (random, sequences) = (new Random(1), Enumerable.Range(0, program.Batch).ToArray());
        int[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(program.Vocabulary))];
        var (prompts, generation, bytes) = (new double[rounds], new double[rounds], 0L);
        output.Follow("measuring", rounds + 1, step =>
        {
            for (var round = -1; round < rounds; round++)
            {
                interrupt.ThrowIfCancellationRequested();
                foreach (var sequence in sequences) program.Truncate(sequence, 0);
                var (texts, next) = (sequences.Select(_ => Draw(prompt)).ToArray(), Draw(program.Batch));
                var start = Stopwatch.GetTimestamp();
                foreach (var sequence in sequences) program.Forward(sequence, texts[sequence]);
                var read = Stopwatch.GetElapsedTime(start).TotalSeconds;
                var before = GC.GetAllocatedBytesForCurrentThread();
                start = Stopwatch.GetTimestamp();
                for (var i = 0; i < steps; i++) program.Step(sequences, next);
                var generated = Stopwatch.GetElapsedTime(start).TotalSeconds;
                if (round >= 0) (prompts[round], generation[round], bytes) = (read, generated, GC.GetAllocatedBytesForCurrentThread() - before);
                step();
            }
        });
        var (promptSeconds, seconds) = (prompts.Order().ElementAt(rounds / 2), generation.Order().ElementAt(rounds / 2));
        return new(prompt * program.Batch / promptSeconds, 1000 * seconds / steps, steps * program.Batch / seconds, bytes / steps);
    }
}
