using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Data.Subsets;

namespace ModelCompiler.Runtime.Training.Feeds;

/// <summary>Scores samples by a program's forward pass, a batch at a time; the last batch is filled up with its first sample.</summary>
/// <param name="program">The program, for samples of its longest length.</param>
/// <param name="samples">The samples.</param>
/// <param name="batch">Sequences in a batch of the program, B.</param>
internal sealed class ProgramScorer(ITrainingProgram program, SampleWindows samples, int batch) : ISampleScorer
{
    private readonly Batch _batch = new(batch, samples.Sequence);
    private readonly int[] _numbers = new int[batch];

    private delegate void Pass(Batch filled);

    public void Losses(ReadOnlySpan<int> numbers, Span<float> losses) =>
        Score(numbers, losses, filled => program.Score(filled.Tokens, filled.Targets, filled.Losses));

    /// <summary>The losses of the program's own forward pass, whatever its subset declares for scores.</summary>
    public void Evaluate(ReadOnlySpan<int> numbers, Span<float> losses) =>
        Score(numbers, losses, filled => program.Evaluate(filled.Tokens, filled.Targets, filled.Losses));

    public void Errors(ReadOnlySpan<int> numbers, Span<float> errors) =>
        Score(numbers, errors, filled => program.EvaluateErrors(filled.Tokens, filled.Targets, filled.Losses));

    private void Score(ReadOnlySpan<int> numbers, Span<float> scores, Pass pass)
    {
        for (var start = 0; start < numbers.Length; start += batch)
        {
            var count = Math.Min(batch, numbers.Length - start);
            Array.Fill(_numbers, numbers[start]);
            numbers.Slice(start, count).CopyTo(_numbers);
            _batch.Fill(samples, _numbers, [], start);
            program.Memory?.ClearEvaluation(); // samples do not continue each other
            pass(_batch);
            _batch.Losses[..count].CopyTo(scores[start..]);
        }
    }
}
