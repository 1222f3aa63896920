using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Data.Subsets;

namespace ModelCompiler.Runtime.Training.Feeds;

/// <summary>Batches of the samples that a subset chooses, from the position on at which sequences have their whole length.</summary>
/// <param name="subset">Chooses.</param>
/// <param name="samples">What it chooses from.</param>
/// <param name="size">Samples of a step.</param>
/// <param name="isWeighted">Whether losses have weights.</param>
/// <param name="before">The batches of shorter sequences.</param>
/// <param name="from">The position of the first choice.</param>
internal sealed class SubsetFeed(ISubset subset, SampleWindows samples, int size, bool isWeighted, ITrainingFeed before, long from)
    : ITrainingFeed, ICheckpointPart, IMetricSource
{
    private readonly Batch _batch = new(size, samples.Sequence);
    private readonly int[] _samples = new int[size];
    private readonly float[] _weights = new float[size];
    private long _choices; // made so far, one for each position

    public string Name => "subset";

    public IReadOnlyList<ICheckpointPart> Parts => [this];

    public Batch Next(long position)
    {
        if (position < from)
            return before.Next(position);

        // What is left out was chosen too, so that what follows is another choice.
        for (; from + _choices <= position; _choices++)
        {
            Array.Fill(_weights, 1);
            subset.Choose((int)(from + _choices), _samples, _weights);
        }

        _batch.Fill(samples, _samples, isWeighted ? _weights : [], position);
        return _batch;
    }

    public void Trained(Batch batch)
    {
        if (ReferenceEquals(batch, _batch))
            subset.Observe((int)batch.Index, _samples, batch.Losses);
    }

    public void Describe(CheckpointTable table)
    {
        subset.Describe(table);
        table.Value("choices", () => _choices, choices => _choices = choices);
    }

    public void Restored() => subset.Restored();

    public void Report(StepMetrics metrics)
    {
        metrics.Add("samples-considered", subset.Counts.Considered);
        metrics.Add("samples-trained", subset.Counts.Trained);
        metrics.Add("samples-scored", subset.Counts.Scored);
    }

    public IEnumerable<(string Name, string Value)> Facts()
    {
        var (considered, trained, scored) = subset.Counts;
        yield return ("samples passed over", FormattableString.Invariant($"{considered - trained:N0} of {considered:N0}"));
        if (scored > 0)
            yield return ("samples scored", FormattableString.Invariant($"{scored:N0}"));
    }

    public void Dispose() => before.Dispose();
}
