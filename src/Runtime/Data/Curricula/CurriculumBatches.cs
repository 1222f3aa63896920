using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Data.Curricula;

/// <summary>
/// Batches of the easiest samples first (Platanios et al. 2019): each sample of a batch is drawn, evenly and with replacement,
/// from the share of the samples, in the order of their difficulty, that the curriculum has reached. After the curriculum each
/// epoch has all samples once, in random order. Everything follows from seed and step, so the order is the same however a run
/// was interrupted.
/// </summary>
/// <param name="samples">The samples.</param>
/// <param name="difficulties">[Count] higher is more difficult; equal ones are in the order of the text.</param>
/// <param name="pace">The share that is reached at a step.</param>
/// <param name="batch">Samples in the batch of a step.</param>
/// <param name="seed">Decides what is drawn.</param>
internal sealed class CurriculumBatches(
    SampleWindows samples, ReadOnlySpan<float> difficulties, Pace pace, int batch, int seed) : IBatchSource, ICurriculum
{
    private readonly int[] _byDifficulty = Order(difficulties);
    private readonly SampleOrder _order = new(samples.Count, seed);
    private readonly ulong _seed = Shuffle.Mix((ulong)seed ^ 0xC0441C01);

    public int Batch => batch;

    public int Sequence => samples.Sequence;

    public string Metric => "curriculum-share";

    public int Length(long index) => samples.Sequence;

    public void Fill(long index, Span<long> tokens, Span<long> targets)
    {
        for (var row = 0; row < batch; row++)
        {
            samples.Read(
                Sample(index, row), tokens.Slice(row * Sequence, Sequence), targets.Slice(row * Sequence, Sequence));
        }
    }

    /// <summary>The sample in a row of a batch.</summary>
    public int Sample(long index, int row)
    {
        if (index < pace.Steps)
        {
            return _byDifficulty[Shuffle.Mix(_seed + (ulong)((index * batch) + row)) % (ulong)Pool(index)];
        }

        var (epoch, place) = Math.DivRem(((index - pace.Steps) * batch) + row, samples.Count);
        return (int)_order.Epoch((int)epoch)[place];
    }

    /// <summary>The share of the samples that a batch is drawn from.</summary>
    public double At(long index) => (double)Pool(index) / samples.Count;

    public (string Name, string Value) FactUpTo(long index) => (
        "easiest samples drawn from",
        FormattableString.Invariant($"{100 * At(0):0.#} % of {samples.Count:N0} in the first batch, {100 * At(index):0.#} % in the last"));

    public string Digest() => Pin.Digest<int>([.. _byDifficulty, .. Enumerable.Range(0, pace.Steps).Select(step => Pool(step))]);

    /// <summary>How many samples, the easiest, a batch is drawn from.</summary>
    private int Pool(long index) =>
        index < pace.Steps ? (int)Math.Clamp(Math.Ceiling(pace.At((int)index) * samples.Count), 1, samples.Count) : samples.Count;

    private static int[] Order(ReadOnlySpan<float> difficulties)
    {
        var values = difficulties.ToArray();
        return [.. Enumerable.Range(0, values.Length).OrderBy(sample => values[sample])]; // stable
    }
}
